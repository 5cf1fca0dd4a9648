#!/bin/sh
# check-planted: what is installed has none of the bugs that are planted for the simulator, and the
# libraries that have them show what this check looks for.
#
#   check-planted.sh FILE... -- PLANTED...      prints TAP
#
# Wherever a planted bug is compiled in, the name planted_bug is used; BUG(x) is 0 elsewhere.
set -eu
LC_ALL=C
export LC_ALL

n=0
bad=0
say() { n=$((n + 1)); echo "$1 $n - $2"; }
has() { nm "$1" 2>/dev/null | grep -qw planted_bug; }

wanted=absent
for file in "$@"; do
    if [ "$file" = -- ]; then
        wanted=present
    elif ! nm "$file" 2>/dev/null | grep -q ' T '; then
        say 'not ok' "$(basename "$file") defines nothing"
        bad=1
    elif has "$file"; then
        [ $wanted = present ] && say ok "control: $(basename "$file") has planted bugs" ||
            { say 'not ok' "$(basename "$file") has planted bugs"; bad=1; }
    else
        [ $wanted = absent ] && say ok "$(basename "$file") has no planted bug" ||
            { say 'not ok' "control: $(basename "$file") has none, so nothing is shown"; bad=1; }
    fi
done
echo "1..$n"
exit $bad
