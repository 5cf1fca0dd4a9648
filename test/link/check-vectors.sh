#!/bin/sh
# vectors.txt is exactly what the script writes.   check-vectors.sh SCRIPT VECTORS
echo 1..1
if python3 "$1" | cmp -s - "$2"; then
    echo "ok 1 - vectors are fresh"
else
    echo "not ok 1 - vectors are fresh"
    echo "# run: $1 >$2"
    exit 1
fi
