"""Starts several nova-compute services by fork after one import, so that they share its memory.

usage: computes.py RUN_DIR LOG_DIR NOVA_CONF HOST=COMPUTE_CONF...
Each child writes RUN_DIR/nova-HOST.pid; the parent only waits, and ends its children on TERM.
"""
import gc
import os
import signal
import sys

run_dir, log_dir, nova_conf, *hosts = sys.argv[1:]
sys.argv = ['nova-compute', '--config-file', nova_conf]
import nova.cmd.compute as compute  # noqa: E402  (patches by argv)
import nova.compute.manager  # noqa: E402,F401
import nova.virt.fake  # noqa: E402,F401
import nova.virt  # noqa: E402
import rack_nova  # noqa: E402

# compute_driver is looked up below nova.virt only
nova.virt.rack_nova = sys.modules['nova.virt.rack_nova'] = rack_nova

gc.collect()
gc.freeze()
children = {}
for item in hosts:
    host, conf = item.split('=', 1)
    pid = os.fork()
    if pid == 0:
        log = os.open(os.path.join(log_dir, 'nova-%s.log' % host), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ['nova-compute', '--config-file', nova_conf, '--config-file', conf]
        compute.main()
        os._exit(0)
    children[pid] = host
    with open(os.path.join(run_dir, 'nova-%s.pid' % host), 'w') as f:
        stat = open('/proc/%d/stat' % pid).read()
        f.write('%d %s\n' % (pid, stat.rpartition(') ')[2].split()[19]))


def stop(signum, frame):
    for child in children:
        try:
            os.kill(child, signal.SIGTERM)
        except ProcessLookupError:
            pass


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
while children:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        break
    except InterruptedError:
        continue
    print('compute', children.pop(pid, '?'), 'ended', status, flush=True)
