# Bash completion for ils(1). What may come next is asked of ils itself: it needs no ilsd.

_ils() {
    local current=${COMP_WORDS[COMP_CWORD]} words=()
    mapfile -t words < <("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case " ${words[*]} " in
    *' FILE '*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *' DIR '*) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current") ;;
    esac
}

complete -o filenames -F _ils ils
