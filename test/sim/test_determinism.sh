#!/bin/sh
# The same seed gives the same hash: twice in this build, and in a build by the other compiler with
# other optimisation and without sanitizers.
#   test_determinism.sh ILSSIM SOURCE_ROOT GENERATED_DIR COMPILER_ID
set -u
ilssim=$1 root=$2 generated=$3 compiler=$4
seeds="--seed 101 --seeds 3 --minutes 1"
case $compiler in
gcc) other=$(command -v clang || command -v clang-14 || echo clang) flags="-O2" ;;
*) other=gcc flags="-O0" ;;
esac
echo "1..2"
hashes() {
    "$1" $seeds 2>/dev/null | sed -n 's/.*\(seed [0-9]*\):.* hash \([0-9a-f]*\) .*/\1 \2/p'
}
first=$(hashes "$ilssim")
second=$(hashes "$ilssim")
if [ "$(echo "$first" | wc -l)" -eq 3 ] && [ "$first" = "$second" ]; then
    echo "ok 1 - twice the same"
else
    echo "not ok 1 - two runs differ"
    echo "$first" "$second" | sed 's/^/# /'
fi
if ! command -v "$other" >/dev/null; then
    echo "ok 2 - # SKIP $other is not installed"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
sources=$(ls "$root"/src/base/*.c "$root"/src/link/*.c "$root"/src/plan/*.c "$root"/src/core/*.c \
    "$root"/src/sim/*.c "$generated"/ils.pb-c.c)
if ! $other $flags -std=gnu17 -D_GNU_SOURCE -w -I"$root/src" -I"$generated" -I"$generated/../.." \
    -I"$generated/.." $sources -o "$work/ilssim" -lsodium -lprotobuf-c 2>"$work/errors"; then
    echo "not ok 2 - $other does not compile it"
    sed 's/^/# /' "$work/errors" | head -20
    exit 0
fi
third=$(hashes "$work/ilssim")
if [ "$first" = "$third" ]; then
    echo "ok 2 - the same with $other $flags"
else
    echo "not ok 2 - $other $flags gives other hashes"
    echo "$first" "$third" | sed 's/^/# /'
fi
