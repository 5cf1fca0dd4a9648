"""parts: tests side by side, each with a network in namespaces of its own (as rows.run_all)."""
import concurrent.futures
import re
import shutil
import traceback

import rows
from harness import Tap
from netns import Lan
from rows import Part

WORKERS = 3


def run_parts(jobs, workers=WORKERS):
    """jobs: (name, function of a Part and a Lan, arguments)."""
    tap = Tap()

    def one(job):
        name, function, arguments = job
        part = Part(name)
        try:
            with Lan() as lan:
                try:
                    function(part, lan, *arguments)
                finally:
                    ended_well(part, lan)
        except Exception:
            part.ok(False, 'ended by an exception', traceback.format_exc())
        return part
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for part in pool.map(one, jobs):
            part.say(tap)
    shutil.rmtree(rows.FOLDER, ignore_errors=True)
    tap.done()


def ended_well(part, lan):
    """Every daemon that runs ends when it is told to; none has complained of itself."""
    lan.heal()
    for c in lan.clusters:
        lan.plug(c)
        if c.paused:
            c.resume()
        status = c.stop() if c.process is not None else 0
        said = re.findall(r'.*(?:Sanitizer|runtime error|Assertion).*', c.said())
        if status != 0 or said:
            part.ok(False, '%s ended well' % c.name, status, *said[:5])
