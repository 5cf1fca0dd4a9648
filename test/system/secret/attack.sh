#!/bin/sh
# attack.sh CANDIDATES ATTACKER RECORD RECORD-WITH-LEAK: 1,000 joins, half of them mistyped, are
# recorded; the attacker finds no password, and finds it where a hash of it leaks.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
line=616
true_one=$(sed -n "$((line + 1))p" "$1" | cut -d' ' -f1)
echo 1..4
say() {
    if [ "$2" = "$3" ]; then echo "ok $1 - $4"; else echo "not ok $1 - $4: $2"; fi
}
"$3" "$1" "$line" 1000 "$dir/ours" && good=yes || good=no
say 1 "$good" yes "1,000 joins are recorded, good and bad"
"$2" "$1" "$dir/ours" > "$dir/verdict"
grep '^#' "$dir/verdict"
say 2 "$(grep '^found' "$dir/verdict")" "found: none" "the attacker finds no password"
"$4" "$1" "$line" 1000 "$dir/leak" && good=yes || good=no
say 3 "$good" yes "1,000 joins of a build that leaks are recorded"
"$2" "$1" "$dir/leak" > "$dir/verdict"
say 4 "$(grep '^found' "$dir/verdict" | cut -d'(' -f1)" "found: $true_one " \
    "the attacker finds the password where it leaks"
