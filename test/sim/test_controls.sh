#!/bin/sh
# Each planted bug of the simulated world must break a law within some seeds; without one none does.
#   test_controls.sh ILSSIM
set -u
ilssim=$1
bugs="ack-before-durable forget-row old-image repeat-bytes lose-bytes late-forever"
n=1
echo "1..$(($(echo "$bugs" | wc -w) + 1))"
for bug in $bugs; do
    out=$("$ilssim" --seeds 50 --minutes 1 --largest 5 --bug "$bug" 2>/dev/null)
    if [ $? -eq 1 ] && echo "$out" | grep -q "LAW BROKEN"; then
        echo "ok $n - $bug: $(echo "$out" | sed -n 's/.*LAW BROKEN at [0-9.]*: //p')"
    else
        echo "not ok $n - $bug breaks no law"
    fi
    n=$((n + 1))
done
if "$ilssim" --seeds 4 --minutes 1 --largest 5 >/dev/null 2>&1; then
    echo "ok $n - no bug, no law broken"
else
    echo "not ok $n - a law breaks without a planted bug"
fi
