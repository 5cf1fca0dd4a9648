#!/bin/sh
# check-room: a room may call only itself, the rooms under it, and the names on its own list.
#
#   check-room.sh ROOM ARCHIVE [ARCHIVE OF A ROOM UNDER IT]...      prints TAP
#
# The list is ROOM.allow beside this script: one symbol a line, `#` begins a comment. Undefined
# symbols of the archive beyond those reach out of the room: clock, socket, entropy, malloc.
set -eu
LC_ALL=C
export LC_ALL
room=$1
shift
allow=$(dirname "$0")/$room.allow
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

echo 1..1
nm -u "$1" | awk 'NF >= 2 { print $NF }' | sort -u >"$scratch/used"
nm -g --defined-only "$1" | awk 'NF == 3' >"$scratch/own"
nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' >"$scratch/given"
sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$allow" >>"$scratch/given"
sort -u -o "$scratch/given" "$scratch/given"
outside=$(comm -23 "$scratch/used" "$scratch/given")

if [ ! -s "$scratch/own" ]; then
    echo "not ok 1 - room $room: its archive defines nothing"
    exit 1
elif [ -n "$outside" ]; then
    echo "not ok 1 - room $room reaches outside"
    for name in $outside; do
        echo "# $name"
    done
    exit 1
fi
echo "ok 1 - room $room: $(wc -l <"$scratch/used") names used, none from outside"
