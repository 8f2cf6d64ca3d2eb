-- Image: what an exporter must show, told by Glance's database; the form of the rows is nova.sql's.
-- Hidden images are asked for by themselves and count too.
with
image as (select * from glance.images where deleted = 0),
sample (family, labels, value) as (
  select 'glance_up', json_object(), 1
  union all select 'glance_images', json_object(), count(*) from image
  union all
  select 'glance_image_bytes', json_object('id', id, 'name', ifnull(name, ''), 'tenant_id', ifnull(owner, '')), ifnull(size, 0) from image
  union all
  select 'glance_image_created_at',
         json_object('id', id, 'name', ifnull(name, ''), 'tenant_id', ifnull(owner, ''), 'visibility', visibility,
                     'hidden', if(os_hidden, 'true', 'false'), 'status', status),
         timestampdiff(second, '1970-01-01', created_at)
  from image
)
select concat('openstack_', family), labels, value from sample order by family, labels;
