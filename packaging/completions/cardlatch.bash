# bash completion for cardlatch(1)

_cardlatch_profiles() {
    cardlatch profiles 2>/dev/null | cut -d' ' -f1
}

_cardlatch_faults() {
    cardlatch fault types 2>/dev/null | sed -n 's/^\([^ ][^ ]*\) .*/\1/p'
}

_cardlatch() {
    local current=$2 previous=$3 sub=${COMP_WORDS[1]} i
    COMPREPLY=()
    # After "--" the words are a command of its own.
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            COMPREPLY=()
            if ((i + 1 == COMP_CWORD)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$current")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
            return
        fi
    done
    local words=
    case $previous in
    --card) words="none $(_cardlatch_profiles)" ;;
    --from) words="$(_cardlatch_profiles)" ;;
    --management-algorithm) words="3des aes128 aes192 aes256" ;;
    --driver) words="cardlatch vpcd" ;;
    --fault) words=$(_cardlatch_faults) ;;
    --host) words="stack driver" ;;
    --isolation) words="auto namespace shim" ;;
    --trace-format) words="pcapng chrome apdu" ;;
    --log-level) words="critical error info debug" ;;
    --state) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --public) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --trace | --output | --log | --control | --junit | --pcscd | --issuer-key | --issuer-certificate | --image)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    esac
    if [[ -z $words ]]; then
        if ((COMP_CWORD == 1)); then
            words="run insert remove reset acquire type reader status fault serve record lockcheck card profiles capabilities --help --version"
        else
            case $sub in
            run) words="--card --reader-name --slots --driver --host --pin-pad --fault --seed --state --log --log-level --trace --trace-format --show-secrets --isolation --pcscd --verbose --json --help --" ;;
            insert) words="--control --help $(_cardlatch_profiles)" ;;
            remove | reset) words="--control --help" ;;
            acquire) words="--within --control --help" ;;
            type) words="--new --confirm --cancel --control --help" ;;
            status) words="--json --control --help" ;;
            reader)
                words="add remove --control --help"
                [[ ${COMP_WORDS[2]} == add ]] && words="--name --card --control --help"
                ;;
            fault)
                words="add list remove clear types --json --control --help"
                if [[ ${COMP_WORDS[2]} == add ]]; then
                    words="$(_cardlatch_faults) name= slot= on= until= probability= nth= ins= match="
                fi
                ;;
            serve) words="--card --connect --listen --fault --seed --state --trace --trace-format --show-secrets --control --help" ;;
            record) words="--reader --output --profile --show-secrets --help --" ;;
            lockcheck) words="--reader --json --junit --only --list --markdown --seed --processes --operations --control --help" ;;
            card)
                case ${COMP_WORDS[2]} in
                new) words="--key --no-keys --subject --days --issuer-key --issuer-certificate --pin --puk --pin-tries --puk-tries --management-algorithm --management-key --serial --from --force --json --quiet --help" ;;
                show) words="--state --json --secrets --help $(_cardlatch_profiles)" ;;
                export) words="--state --certificate --public-key --public --image --force --help $(_cardlatch_profiles)" ;;
                *) words="new show export --help" ;;
                esac
                ;;
            profiles | capabilities) words="--json --help" ;;
            esac
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    if [[ $previous == --card || $previous == --from || $sub == insert || $sub == card ]]; then
        local files
        mapfile -t files < <(compgen -f -X '!*.toml' -- "$current")
        COMPREPLY+=("${files[@]}")
    fi
}
complete -F _cardlatch cardlatch
