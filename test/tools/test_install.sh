#!/bin/bash
# Tests of script/install under a destination directory: first install, upgrade, an edited
# configuration, removal; of the unit's exposure, the completion and the manual pages. Prints TAP.
# shellcheck disable=SC2016,SC2034,SC2317
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dest=$scratch/dest
prefix=/opt/ils
conf=$dest/etc/openils/ilsd.conf
number=0
failed=0

# check TITLE COMMAND...
check() {
    local title=$1
    shift
    number=$((number + 1))
    if "$@" >"$scratch/said" 2>&1; then
        echo "ok $number - install: $title"
    else
        failed=1
        echo "not ok $number - install: $title"
        sed 's/^/# /' "$scratch/said"
    fi
}

skip() { number=$((number + 1)); echo "ok $number - install: $1 # SKIP $2"; }
not() { ! "$@"; }
files() { (cd "$dest" && find . -type f | sort); }
install_it() {
    script/install --destdir "$dest" --prefix "$prefix" --build "$scratch/build" "$@" </dev/null
}
same() { diff <(echo "$1") <(echo "$2"); }

mo=share/locale/ja/LC_MESSAGES/openils.mo
mkdir -p "$scratch/build/src/daemon" "$scratch/build/src/cli" "$scratch/build/po/ja/LC_MESSAGES"
echo catalog >"$scratch/build/po/ja/LC_MESSAGES/openils.mo"
for program in daemon/ilsd cli/ils; do
    printf '#!/bin/sh\necho one\n' >"$scratch/build/src/$program"
    chmod 755 "$scratch/build/src/$program"
done
mkdir "$scratch/build/src/driver"
echo module >"$scratch/build/src/driver/openils_ldap.so"
echo 1..23

check 'a first install' install_it
check 'ilsd can be run' test "$("$dest$prefix/sbin/ilsd")" = one
check 'ils can be run' test -x "$dest$prefix/bin/ils"
check 'completion, unit and configuration are there' ls "$dest/etc/systemd/system/ilsd.service" \
    "$dest$prefix/share/bash-completion/completions/ils" "$conf"
check 'and Japanese, where ils looks for it' \
    cmp "$dest$prefix/bin/../$mo" "$scratch/build/po/ja/LC_MESSAGES/openils.mo"
check 'modules, where ilsd looks for them' \
    cmp "$dest$prefix/sbin/../lib/openils/openils_ldap.so" \
    "$scratch/build/src/driver/openils_ldap.so"
check 'readable by everybody' test "$(stat -c %a "$dest$prefix/$mo")" = 644
check 'the data directory is closed to others' \
    test "$(stat -c %a "$dest/var/lib/openils")" = 750
check 'the unit runs the program of this prefix' \
    grep "^ExecStart=$prefix/sbin/ilsd " "$dest/etc/systemd/system/ilsd.service"
check 'the unit has no placeholder left' not grep '@[A-Z]*@' "$dest/etc/systemd/system/ilsd.service"
before=$(files)
check 'a second install changes no list of files' eval 'install_it && same "$before" "$(files)"'

printf '#!/bin/sh\necho two\n' >"$scratch/build/src/daemon/ilsd"
cp "$conf" "$scratch/conf"
echo '; an older default' | tee "$conf" "$dest$prefix/share/openils/ilsd.conf" >/dev/null
mkdir -p "$dest$prefix/share/gone"
echo old >"$dest$prefix/share/gone/file"
echo "$prefix/share/gone/file" >>"$dest$prefix/share/openils/installed"
check 'an upgrade' install_it
check 'brings the new program' test "$("$dest$prefix/sbin/ilsd")" = two
check 'brings the new default where nobody edited' cmp "$conf" "$scratch/conf"
check 'takes away what the new version no longer has' not test -e "$dest$prefix/share/gone/file"

echo 'tls-port = 7601' >>"$conf"
cp "$conf" "$scratch/edited"
check 'an edited configuration is kept' eval 'install_it && cmp "$conf" "$scratch/edited"'
check 'and nothing is laid beside it while the default is the same' not test -e "$conf.new"
echo '; an older default' >"$dest$prefix/share/openils/ilsd.conf"
check 'a new default is laid beside an edited configuration' eval \
    'install_it && cmp "$conf" "$scratch/edited" && cmp "$conf.new" dist/ilsd.conf'

echo state >"$dest/var/lib/openils/state"
check 'removal leaves configuration and data, nothing else' eval 'install_it --remove && same \
    "$(printf "./etc/openils/ilsd.conf\n./etc/openils/ilsd.conf.new\n./var/lib/openils/state")" \
    "$(files)"'
check 'a second removal says that there is nothing' not install_it --remove

exposed_at_most_1_2() {
    systemd-analyze security --offline=yes --no-pager --threshold=12 "$1"
}
if command -v systemd-analyze >/dev/null; then
    sed 's|@SBINDIR@|/usr/sbin|g; s|@SYSCONFDIR@|/etc|g' dist/ilsd.service.in \
        >"$scratch/ilsd.service"
    check 'the exposure of the unit is at most 1.2' exposed_at_most_1_2 "$scratch/ilsd.service"
    sed -i '/^SystemCallFilter/d' "$scratch/ilsd.service"
    check 'control: that of a weaker unit is not' not exposed_at_most_1_2 "$scratch/ilsd.service"
else
    skip 'the exposure of the unit is at most 1.2' 'no systemd-analyze'
    skip 'control: that of a weaker unit is not' 'no systemd-analyze'
fi

# scdoc itself writes .PP where mandoc needs none ("skipping paragraph macro"): not ours to mend.
pages_are_clean() {
    local page found=0
    for page in man/*.scd; do
        scdoc <"$page" >"$scratch/page" || return 1
        mandoc -T lint -W warning "$scratch/page" | grep -v 'skipping paragraph macro' && found=1
    done
    return "$found"
}
if compgen -G 'man/*.scd' >/dev/null && command -v mandoc >/dev/null; then
    check 'the manual pages are clean' pages_are_clean
else
    skip 'the manual pages are clean' 'no manual pages, or no mandoc'
fi
exit "$failed"
