-- DNS: what an exporter must show, told by Designate's database; the form of the rows is nova.sql's.
-- It keeps uuids without dashes; a record set has no status of its own, but the worst of its records, as its API derives it.
with
status (name, number) as (values ('PENDING', 0), ('ACTIVE', 1), ('DELETED', 2), ('ERROR', 3)),
zone as (
  select id key_id, insert(insert(insert(insert(id, 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-') id, name, status, type,
         tenant_id
  from designate.zones where deleted = '0'
),
recordset as (
  select insert(insert(insert(insert(r.id, 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-') id, r.name, r.type, r.zone_id key_id,
         z.id zone_id, z.name zone_name,
         (select case when sum(x.status = 'ERROR') > 0 then 'ERROR' when sum(x.status = 'PENDING') > 0 then 'PENDING'
                      when sum(x.status = 'ACTIVE') > 0 then 'ACTIVE' else 'DELETED' end
          from designate.records x where x.recordset_id = r.id) status
  from designate.recordsets r join zone z on z.key_id = r.zone_id
),
sample (family, labels, value) as (
  select 'designate_up', json_object(), 1
  union all select 'designate_zones', json_object(), count(*) from zone
  union all
  select 'designate_zone_status',
         json_object('id', z.id, 'name', z.name, 'status', z.status, 'tenant_id', z.tenant_id, 'type', z.type), ifnull(s.number, -1)
  from zone z left join status s on s.name = z.status
  union all
  select 'designate_recordsets', json_object('zone_id', z.id, 'zone_name', z.name, 'tenant_id', z.tenant_id), count(r.id)
  from zone z left join recordset r on r.key_id = z.key_id
  group by z.id, z.name, z.tenant_id
  union all
  select 'designate_recordsets_status',
         json_object('id', r.id, 'name', r.name, 'status', r.status, 'zone_id', r.zone_id, 'zone_name', r.zone_name, 'type', r.type),
         ifnull(s.number, -1)
  from recordset r left join status s on s.name = r.status
)
select concat('openstack_', family), labels, value from sample order by family, labels;
