"""What an exporter must show of Swift, told by the account server's own database files; the form of the rows is nova.sql's.

usage: swift.py FOLDER PROJECT_ID   (the account of a project that asks is the one it sees)
"""
import glob
import json
import sqlite3
import sys

folder, project = sys.argv[1:]
print('openstack_object_store_up', '{}', 1, sep='\t')
for path in glob.glob(folder + '/disk/accounts/**/*.db', recursive=True):
    with sqlite3.connect('file:%s?mode=ro' % path, uri=True) as db:
        if db.execute('select account from account_stat').fetchone() == ('AUTH_' + project,):
            for name, objects, size in db.execute('select name, object_count, bytes_used from container where deleted = 0'):
                for family, value in (('objects', objects), ('bytes', size)):
                    print('openstack_object_store_' + family, json.dumps({'container_name': name}), value, sep='\t')
