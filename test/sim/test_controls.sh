#!/bin/sh
# Each planted bug of the simulated world must break a law within some seeds; without one none does.
#   test_controls.sh ILSSIM
set -u
ilssim=$1
bugs="ack-before-durable forget-row old-image repeat-bytes lose-bytes late-forever"
n=1
echo "1..$(($(echo "$bugs" | wc -w) + 2))"
for bug in $bugs; do
    out=$("$ilssim" --seeds 50 --minutes 1 --largest 5 --bug "$bug" 2>/dev/null)
    if [ $? -eq 1 ] && echo "$out" | grep -q "LAW BROKEN"; then
        echo "ok $n - $bug: $(echo "$out" | sed -n 's/.*LAW BROKEN at [0-9.]*: //p')"
    else
        echo "not ok $n - $bug breaks no law"
    fi
    n=$((n + 1))
done
# What is printed with a broken law is a command that runs it again, to the same hash.
hash_of() { sed -n 's/.* hash \([0-9a-f]*\) BROKEN$/\1/p'; }
out=$("$ilssim" --seeds 50 --minutes 1 --largest 5 --strict --fault crash --fault power \
    --bug forget-row 2>/dev/null)
again=$(echo "$out" | sed -n 's/^  again: //p')
first=$(echo "$out" | hash_of)
# shellcheck disable=SC2086 # the words of a command
second=$($again 2>/dev/null | hash_of)
if [ -n "$first" ] && [ "$first" = "$second" ]; then
    echo "ok $n - run again to the same hash: $again"
else
    echo "not ok $n - run again: $again: $first, then $second"
fi
n=$((n + 1))
if "$ilssim" --seeds 4 --minutes 1 --largest 5 >/dev/null 2>&1; then
    echo "ok $n - no bug, no law broken"
else
    echo "not ok $n - a law breaks without a planted bug"
fi
