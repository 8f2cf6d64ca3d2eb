-- Shared file systems: what an exporter must show, told by Manila's database; the form of the rows is nova.sql's.
-- A share has the status of its instance (no share here is replicated). share_status uses the numbers of volumes, as the peer does.
with
share as (
  select s.id, ifnull(s.display_name, '') name, i.status, ifnull(z.name, '') zone, ifnull(t.id, '') type_id, ifnull(t.name, '') type_name,
         s.share_proto, s.project_id, s.size
  from manila.shares s
  join manila.share_instances i on i.share_id = s.id and i.deleted = 'False'
  left join manila.availability_zones z on z.id = i.availability_zone_id
  left join manila.share_types t on t.id = i.share_type_id
  where s.deleted = 'False' and s.is_soft_deleted = 0
),
volume_status (name, number) as (
  values ('creating', 0), ('available', 1), ('reserved', 2), ('attaching', 3), ('detaching', 4), ('in-use', 5), ('maintenance', 6),
         ('deleting', 7), ('awaiting-transfer', 8), ('error', 9), ('error_deleting', 10), ('backing-up', 11),
         ('restoring-backup', 12), ('error_backing-up', 13), ('error_restoring', 14), ('error_extending', 15), ('downloading', 16),
         ('uploading', 17), ('retyping', 18), ('extending', 19)
),
status (name) as (
  values ('creating'), ('available'), ('updating'), ('migrating'), ('migration_error'), ('extending'), ('deleting'), ('shrinking'),
         ('error'), ('error_deleting'), ('shrinking_error'), ('reverting_error'), ('restoring'), ('reverting'), ('managing'),
         ('unmanaging'), ('reverting_to_snapshot'), ('soft_deleting'), ('inactive')
),
sample (family, labels, value) as (
  select 'sharev2_up', json_object(), 1
  union all select 'sharev2_shares_counter', json_object(), count(*) from share
  union all
  select 'sharev2_share_gb',
         json_object('id', id, 'name', name, 'status', status, 'availability_zone', zone, 'share_type', type_id,
                     'share_proto', share_proto, 'share_type_name', type_name, 'project_id', project_id), size
  from share
  union all
  select 'sharev2_share_status',
         json_object('id', s.id, 'name', s.name, 'status', s.status, 'size', cast(s.size as char), 'share_type', s.type_id,
                     'share_proto', s.share_proto, 'share_type_name', s.type_name, 'project_id', s.project_id), ifnull(v.number, -1)
  from share s left join volume_status v on v.name = s.status
  union all
  select 'sharev2_share_status_counter', json_object('status', n.name), count(s.id)
  from (select name from status union select status from share) n left join share s on s.status = n.name
  group by n.name
)
select concat('openstack_', family), labels, value from sample order by family, labels;
