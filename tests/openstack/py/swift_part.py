"""Runs a part of Swift with a swift.conf of another folder than /etc/swift, which is built into Swift.

usage: swift_part.py FOLDER PROGRAM CONF   with PROGRAM one of swift's scripts, CONF a file in FOLDER
"""
import importlib.metadata
import os
import sys

from swift.common import utils

folder, program, conf = sys.argv[1:]
utils.SWIFT_CONF_FILE = os.path.join(folder, 'swift.conf')
from swift.common import constraints  # noqa: E402  (reads swift.conf when it is imported)

constraints.reload_constraints()
sys.argv = [program, os.path.join(folder, conf)]
entry, = importlib.metadata.entry_points(group='console_scripts', name=program)
sys.exit(entry.load()())
