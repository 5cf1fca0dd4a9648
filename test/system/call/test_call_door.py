"""One call through two Kamailios by way of the SIP door alone (sip_door), without a daemon: an
INVITE is redirected with 302, followed, and answered; an unknown number gets 404.
    test_call_door.py SIP_DOOR      prints TAP"""

import subprocess
import sys

import telephony


def main(door):
    lacking = telephony.missing()
    if lacking:
        print(f"1..0 # SKIP not installed: {lacking}")
        return 0
    print("1..3")
    failed = 0

    def result(number, good, what, evidence=""):
        nonlocal failed
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}", flush=True)
        for line in [] if good else evidence.splitlines():
            print("# " + line)

    port = telephony.free_udp_port()
    with telephony.Telephony(port) as world:
        process = subprocess.Popen([door, "--port", str(port), "--route", "*.example",
                                    f"sip:127.0.0.1:{world.b_port}", "2001"],
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            process.stdout.readline()
            status = telephony.ask_options(port, 5)
            result(1, status == "SIP/2.0 200 OK", "the door answers OPTIONS", str(status))
            world.start()
            answered, seconds, seen = world.call("2001")
            logs = "".join(world.log(name) for name in ("kamailio-asks", "kamailio-b"))
            result(2, answered and "ilsd said" in logs and "delivering sip:2001@" in logs,
                   f"the call is redirected, followed and answered ({seconds:.3f} s with sipp's "
                   "own start and end)", seen + logs)
            answered, _, seen = world.call("2002")
            result(3, not answered and "404" in seen, "an unknown number gets 404", seen)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
