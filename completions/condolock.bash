# bash completion for condolock

_condolock_options() {
  local common='--url --user --password-file --redis-timeout --namespace --quiet --verbose --color --help'
  local conditions='--key --min-time --min-time-from --accessed-prior --after --not-running --retry-after --max-failures --max-runs --once'
  case $1 in
    run) echo "$conditions --slots --wait --history --force --lease --timeout --kill-after --skip-code --busy-code --on-unreachable --jitter --success-code --record-timeout --report-fd $common" ;;
    check) echo "$conditions $common" ;;
    touch) echo "--key --failed $common" ;;
    status) echo "--key --json $common" ;;
    pause) echo "--key --for --reason $common" ;;
    resume) echo "--key $common" ;;
    unlock) echo "--key --now $common" ;;
    *) echo "$common --version" ;;
  esac
}

_condolock() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local i word command=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == -- && $command == run ]]; then
      # Behind the -- stands a command line of its own.
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
      else
        mapfile -t COMPREPLY < <(compgen -c -f -- "$current")
      fi
      return
    fi
    if [[ -z $command && $word =~ ^(-u|--url|--user|--password-file|--redis-timeout|--namespace|--color)$ ]]; then
      ((++i)) # its value, whatever that is called
      [[ ${COMP_WORDS[i]} != = ]] || ((++i))
      continue
    fi
    case $word in
      run | check | touch | status | pause | resume | unlock) [[ -n $command ]] || command=$word ;;
      *) ;;
    esac
  done
  # Bash splits at a =.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $previous in
    --password-file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --color)
      mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
      return
      ;;
    -w | --wait)
      mapfile -t COMPREPLY < <(compgen -W 'forever' -- "$current")
      return
      ;;
    --on-unreachable)
      mapfile -t COMPREPLY < <(compgen -W 'fail run skip' -- "$current")
      return
      ;;
    --min-time-from)
      mapfile -t COMPREPLY < <(compgen -W 'start end' -- "$current")
      return
      ;;
    *) ;;
  esac
  if [[ $current == - && $command == run ]]; then
    mapfile -t COMPREPLY < <(compgen -W "-u -q -v -h -w -n -k -E $(_condolock_options run)" -- "$current")
  elif [[ $current == - ]]; then
    mapfile -t COMPREPLY < <(compgen -W "-u -q -v -h $(_condolock_options "$command")" -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_condolock_options "$command")" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'run check touch status pause resume unlock' -- "$current")
  fi
}

complete -F _condolock condolock
