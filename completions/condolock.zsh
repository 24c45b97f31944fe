#compdef condolock
# zsh completion for condolock: install it as _condolock in a directory of fpath, or after compinit:
# source <(condolock completion zsh)
#
# Commands and options are those that --help prints, so they are always the ones of the program at hand.

# _condolock_help [COMMAND]: a line for each option, as help has them. What every command takes stands in the program's own.
_condolock_help() {
  [[ -z $1 ]] || $program $1 --help 2>/dev/null | sed -n '/^Global options/q; /^  -/p'
  $program --help 2>/dev/null | sed -n '/^Global options/,/^$/ { /^  -/p }'
}

# Redis gets 0.3 s, and silence is an answer. A key with a backslash is shown, not written, in this form.
_condolock_keys() {
  local -a keys=(${(f)"$(timeout 0.3 $program $globals list --plain 2>/dev/null)"})
  keys=(${keys:#*\\*})
  compadd "$@" -a keys
}

_condolock() {
  local MATCH MBEGIN MEND
  local program=${words[1]/#\~\//$HOME/} command word names form text action
  # Not "commands": that would hide zsh's own parameter, which the command behind the -- is completed from.
  local -a globals specs summaries
  local -i i
  setopt local_options extended_glob
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case $word in
      --)
        if [[ $command == run ]]; then
          # Behind the -- stands a command line of its own.
          shift $i words
          ((CURRENT -= i))
          _normal
          return
        fi
        ;;
      -u | --url | --user | --password-file | --tls-cacert | --tls-cert | --tls-key | --tls-sni | --redis-timeout | --namespace | --config)
        ((i + 1 < CURRENT)) || break
        globals+=($word ${(Q)words[++i]})
        ;;
      --(url|user|password-file|tls-[a-z]##|redis-timeout|namespace|config)=*) globals+=(${(Q)word}) ;;
      --color) ((i++)) ;;
      -*) ;;
      *) [[ -n $command ]] || command=$word ;;
    esac
  done

  while IFS= read -r word; do
    [[ $word =~ '^  ((-[a-zA-Z]), )?(--[a-z-]+|-[a-zA-Z])( ([^ ]+))?( +(.*))?$' ]] || continue
    form=${match[5]//:/} text=${match[7]//(#m)[\[\]:]/\\$MATCH}
    case $match[3] in
      --key | --after | --not-running) action=_condolock_keys ;;
      --accessed-prior) action='_condolock_keys -S\:' ;;
      --password-file | --config | --tls-cacert) action=_files ;;
      --color) action='(auto always never)' ;;
      --wait) action='(forever)' ;;
      --on-unreachable) action='(fail run skip)' ;;
      --leftovers) action='(leave wait kill)' ;;
      --min-time-from) action='(start end)' ;;
      *) action=' ' ;;
    esac
    for names in $match[2] $match[3]; do
      specs+=("*${names}${form:+"+"}[$text]${form:+":$form:$action"}")
    done
  done < <(_condolock_help $command)
  # A long option takes its value behind a = as well.
  specs=(${specs/#(#b)(\*--[a-z-]##)\+/$match[1]=})

  if [[ -z $command || $command == help ]]; then
    summaries=(${(f)"$($program --help 2>/dev/null | sed -n '/^Commands:/,/^$/ s/^  \([a-z]*\)  *\(.*\)/\1:\2/p')"})
    [[ -z $command ]] || specs+=('1: : ')
    specs+=("${${command:+2}:-1}: :{_describe command summaries}")
  else
    # The first operand is the command itself.
    case $command in
      completion) specs+=('1: : ' '2:shell:(bash zsh fish)') ;;
      doctor | version) specs+=('1: : ') ;;
      *) specs+=('1: : ' '*:key:_condolock_keys') ;;
    esac
  fi
  _arguments -s -S : $specs
}

# As a function of fpath, zsh calls this file to complete. Anywhere else it only defines the function.
if [[ $funcstack[1] == _condolock ]]; then
  _condolock "$@"
else
  compdef _condolock condolock
fi
