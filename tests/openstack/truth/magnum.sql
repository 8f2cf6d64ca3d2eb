-- Container infrastructure: what an exporter must show, told by Magnum's database; the form of the rows is nova.sql's.
-- The API's master_count and node_count are the sums of a cluster's node groups.
with
cluster as (
  select c.uuid, ifnull(c.name, '') name, ifnull(c.stack_id, '') stack_id, ifnull(c.status, '') status, c.project_id,
         (select ifnull(sum(g.node_count), 0) from magnum.nodegroup g where g.cluster_id = c.uuid and g.role = 'master') masters,
         (select ifnull(sum(g.node_count), 0) from magnum.nodegroup g where g.cluster_id = c.uuid and g.role <> 'master') nodes
  from magnum.cluster c
),
sample (family, labels, value) as (
  select 'container_infra_up', json_object(), 1
  union all select 'container_infra_total_clusters', json_object(), count(*) from cluster
  union all
  select 'container_infra_cluster_masters',
         json_object('uuid', uuid, 'name', name, 'stack_id', stack_id, 'status', status, 'node_count', cast(nodes as char),
                     'project_id', project_id), masters
  from cluster
  union all
  select 'container_infra_cluster_nodes',
         json_object('uuid', uuid, 'name', name, 'stack_id', stack_id, 'status', status, 'master_count', cast(masters as char),
                     'project_id', project_id), nodes
  from cluster
  union all
  select 'container_infra_cluster_status',
         json_object('uuid', uuid, 'name', name, 'stack_id', stack_id, 'status', status, 'node_count', cast(nodes as char),
                     'master_count', cast(masters as char), 'project_id', project_id),
         field(status, 'CREATE_COMPLETE', 'CREATE_FAILED', 'CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS', 'UPDATE_FAILED',
               'UPDATE_COMPLETE', 'DELETE_IN_PROGRESS', 'DELETE_FAILED', 'DELETE_COMPLETE', 'RESUME_COMPLETE', 'RESUME_FAILED',
               'RESTORE_COMPLETE', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED', 'ROLLBACK_COMPLETE', 'SNAPSHOT_COMPLETE',
               'CHECK_COMPLETE', 'ADOPT_COMPLETE') - 1
  from cluster
)
select concat('openstack_', family), labels, value from sample order by family, labels;
