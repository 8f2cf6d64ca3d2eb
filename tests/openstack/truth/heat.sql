-- Orchestration: what an exporter must show, told by Heat's database; the form of the rows is nova.sql's.
-- Stacks inside of stacks and the copies that an update keeps are not listed.
with
stack as (
  select id, ifnull(name, '') name, ifnull(tenant, '') tenant, concat(action, '_', status) status
  from heat.stack where deleted_at is null and owner_id is null and ifnull(backup, 0) = 0
),
action (name, number) as (
  values ('INIT', 0), ('CREATE', 1), ('DELETE', 2), ('UPDATE', 3), ('ROLLBACK', 4), ('SUSPEND', 5), ('RESUME', 6), ('ADOPT', 7),
         ('SNAPSHOT', 8), ('CHECK', 9)
),
outcome (name, number) as (values ('IN_PROGRESS', 0), ('FAILED', 1), ('COMPLETE', 2)),
status as (select concat(a.name, '_', o.name) name, 3 * a.number + o.number number from action a cross join outcome o),
sample (family, labels, value) as (
  select 'heat_up', json_object(), 1
  union all
  select 'heat_stack_status', json_object('id', t.id, 'name', t.name, 'project_id', t.tenant, 'status', t.status), ifnull(s.number, -1)
  from stack t left join status s on s.name = t.status
  union all
  select 'heat_stack_status_counter', json_object('status', s.name), count(t.id)
  from (select name from status union select status from stack) s left join stack t on t.status = s.name
  group by s.name
)
select concat('openstack_', family), labels, value from sample order by family, labels;
