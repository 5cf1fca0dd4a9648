# Bash completion for ils(1).

_ils_words() {
    # The words that may follow "$1", the commands typed so far.
    case $1 in
    '') echo init describe role join leave invite disconnect connect forget ban unban ended hubs network \
        identity rebuild restore status sync exchange clusters peers auth cert trust diagnose password trace alarms \
        verdicts sql audit plan catalog source lookup route support help ;;
    role) echo hub spoke standalone ;;
    network) echo adopt ;;
    identity) echo new ;;
    sync) echo every ;;
    exchange) echo on off ;;
    auth) echo show set ready ;;
    'auth ready') echo tls tls+password ;;
    cert) echo show export csr install renew now ;;
    trust) echo list show remove import bundle introductions ;;
    'trust bundle') echo export import ;;
    'trust introductions') echo on off ;;
    password) echo add list prefer drop ;;
    trace) echo level ;;
    'trace level') echo error significant detailed ;;
    catalog) echo add import list remove adopt ;;
    plan) echo import show export add remove log rollback confirm ;;
    source) echo add list test run remove ;;
    route) echo add list remove ;;
    esac
}

_ils_options() {
    local common='--json --data --help'
    case $1 in
    init*) echo --cluster-id --fqdn --description --route-string "$common" ;;
    role*) echo --hub --no-wait --force "$common" ;;
    join*) echo --as --no-wait "$common" ;;
    'identity new'*) echo --cluster-id --fqdn --yes "$common" ;;
    leave*) echo --yes --force "$common" ;;
    ban* | rebuild* | restore*) echo --yes "$common" ;;
    'auth set'*) echo --tls --password --accept "$common" ;;
    diagnose*) echo --html "$common" ;;
    'cert export'*) echo --out "$common" ;;
    'cert csr'*) echo --out --name "$common" ;;
    'cert install'*) echo --key --password-file --force --now --no-wait "$common" ;;
    'cert renew'*) echo --same-key --days --now --no-wait "$common" ;;
    'trust import'*) echo --password-file --verdict "$common" ;;
    invite*) echo --expires --address --list --remove "$common" ;;
    'password add'*) echo --generation --stdin "$common" ;;
    describe*) echo --cluster-id --fqdn --description --route-string "$common" ;;
    'trace level'*) echo "$common" ;;
    trace*) echo --follow --last --lines "$common" ;;
    audit*) echo --max "$common" ;;
    support*) echo --force "$common" ;;
    'plan show'*) echo --max --source "$common" ;;
    'plan export'*) echo --source "$common" ;;
    'plan add'*) echo --failover --dry-run "$common" ;;
    'plan remove'*) echo --dry-run "$common" ;;
    'plan import'*) echo --source --encoding --dry-run --confirm --force "$common" ;;
    'catalog add'*) echo --route-string --description "$common" ;;
    'catalog adopt'*) echo --from --description "$common" ;;
    'catalog import'*) echo --encoding --dry-run --confirm --force "$common" ;;
    'plan log'*) echo --before --max --skip "$common" ;;
    'plan rollback'*) echo --to --dry-run "$common" ;;
    'source add'*) echo --file --sqlite --postgresql --mariadb --ldap --query --base --filter \
        --attributes --bind --password-file --ca --plain --domain --encoding --every "$common" ;;
    'source run'*) echo --force "$common" ;;
    'source remove'*) echo --entries "$common" ;;
    *) echo "$common" ;;
    esac
}

_ils() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} typed='' i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --data) i=$((i + 1)) ;;
        -*) ;;
        *) typed="${typed:+$typed }${COMP_WORDS[i]}" ;;
        esac
    done
    case $previous in
    --data) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --as) mapfile -t COMPREPLY < <(compgen -W 'hub spoke' -- "$current"); return ;;
    --tls | --password) mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$current"); return ;;
    --accept) mapfile -t COMPREPLY < <(compgen -W 'password tls tls+password +password +tls +tls+password
        -password -tls -tls+password' -- "$current"); return ;;
    --key | --out | --password-file | --html | --file | --sqlite | --ca) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --encoding) mapfile -t COMPREPLY < <(compgen -W 'UTF-8 CP932' -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ils_options "$typed")" -- "$current")
    elif [[ $typed =~ ^(diagnose|'plan import'|'cert install'|'trust import'|'trust bundle '.*)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_ils_words "$typed")" -- "$current")
    fi
}

complete -o filenames -F _ils ils
