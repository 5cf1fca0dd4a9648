#!/bin/sh
# The collision and the role rules, every history of a few clusters and a few mishaps; and wrong
# rules, each of which must be found out. Prints TAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo '1..0 # SKIP spin is not installed'; exit 0; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

# check WANTED NAME MODEL DEFINE...: WANTED is `holds`, or what the claim is to be broken by
check() {
    wanted=$1 name=$2 model=$3
    shift 3
    n=$((n + 1))
    rm -rf "$work/run" && mkdir "$work/run" && cd "$work/run" || exit 1
    if ! { spin "$@" -a "$here/$model.pml" &&
        ${CC:-gcc} -O2 -w -DMEMLIM=2000 -DNFAIR=4 -o pan pan.c; } >said 2>&1; then
        sed 's/^/# /' said | tail -n 20
        echo "not ok $n - $name: no model"
        return
    fi
    ./pan -a -f -n -m100000 >said 2>&1
    states=$(awk '/states, stored/ { print $1 }' said)
    found=broken
    if grep -q 'acceptance cycle (at' said; then
        found=livelock
    elif grep -q 'assertion violated.*(at' said; then
        found=assertion
    elif grep -q 'errors: 0' said && ! grep -qE 'truncated|too small|out of memory' said; then
        found=holds
    fi
    if [ "$found" = "$wanted" ]; then
        echo "ok $n - $name: $found, $states states"
    else
        sed 's/^/# /' said | tail -n 20
        echo "not ok $n - $name: $found, expected $wanted"
    fi
}

echo 1..18
check holds 'two clusters, two restarts of each' collision -DRESTARTS=2
check holds 'a restart that nobody notices' collision -DRESTARTS=2 -DNOHOLD
check holds 'a restart of each, a link given up' collision -DRESTARTS=1 -DCUTS=1
check holds 'a restart of each, a visit' collision -DRESTARTS=1 -DVISITS=1
check holds 'a restart of each, a link that is old' collision -DRESTARTS=1 -DRENEWALS=1
check holds 'a link that is old, other methods' collision -DRESTARTS=0 -DRENEWALS=1 -DCHANGES=1
check holds 'three clusters' collision -DN=3 -DSLOTS=2 -DRESTARTS=0
check holds 'three, one with two neighbours restarts' collision -DN=3 -DSTAR -DSLOTS=2 \
    -DRESTARTS=1 -DTOGETHER=1
check livelock 'control: who is there stays' collision -DFIRST -DRESTARTS=0
check livelock 'control: three, who is there stays' collision -DN=3 -DSLOTS=2 -DFIRST -DRESTARTS=0
check assertion 'control: no boot number' collision -DRESTARTS=1 -DNOHOLD -DNOBOOT
check livelock 'control: either end renews' collision -DRESTARTS=0 -DRENEWALS=1 -DANYBODY
check livelock 'control: either end has its method' collision -DRESTARTS=0 -DCHANGES=1 -DANYBODY
check holds 'two hubs, three commands' role -DN=2 -DHUBS=2 -DWISHES=3
check holds 'a hub and two spokes, three commands' role -DN=3 -DHUBS=1 -DWISHES=3
check holds 'three hubs, two commands' role -DN=3 -DHUBS=3 -DWISHES=2
check livelock 'control: nobody is asked' role -DN=2 -DHUBS=1 -DWISHES=1 -DNOASK
check livelock 'control: both gave way, both stay' role -DN=2 -DHUBS=2 -DWISHES=2 -DNOREPAIR
