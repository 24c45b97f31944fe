# bash completion for condolock
#
# Commands and options are those that --help prints, so they are always the ones of the program at hand.

# _condolock_help [COMMAND]: a line for each option, as help has them. What every command takes stands in the program's own.
_condolock_help() {
  [[ -z $1 ]] || "$_condolock_program" "$1" --help 2>/dev/null | sed -n '/^Global options/q; /^  -/p'
  "$_condolock_program" --help 2>/dev/null | sed -n '/^Global options/,/^$/ { /^  -/p }'
}

# _condolock_options [COMMAND]: the options, each in a line.
_condolock_options() { _condolock_help "$1" | sed -E 's/^  ((-[a-zA-Z]), )?(--[a-z-]+).*/\2 \3/; t; s/^  (-[a-zA-Z]) .*/\1/' | tr -s ' ' '\n'; }

# _condolock_takes_value OPTION [COMMAND]
_condolock_takes_value() {
  [[ $1 =~ ^--?[a-zA-Z-]+$ ]] && _condolock_help "$2" | grep -qE -- "(^  |, )$1(, --[a-z-]+)? [^ ]"
}

_condolock_commands() { "$_condolock_program" --help 2>/dev/null | sed -n '/^Commands:/,/^$/ s/^  \([a-z]*\) .*/\1/p'; }

# _condolock_add_keys WORD [SUFFIX]: the keys that begin like WORD. Redis gets 0.3 s, and silence is an answer.
_condolock_add_keys() {
  local key word=$1 quote=${1:0:1}
  if [[ $quote == [\'\"] ]]; then word=${word:1}; else quote=; fi
  while IFS= read -r key; do
    # One with a backslash is shown, not written, in this form.
    [[ $key == "${word//\\/}"* && $key != *\\* ]] || continue
    # Within quotes it stands as it is, but for the quote itself.
    if [[ -z $quote ]]; then printf -v key '%q' "$key$2"; elif [[ $key == *$quote* ]]; then continue; else key+=$2; fi
    COMPREPLY+=("$key")
  done < <(timeout 0.3 "$_condolock_program" "${_condolock_globals[@]}" list --plain 2>/dev/null)
  [[ -z $2 ]] || compopt -o nospace 2>/dev/null
}

# _condolock_words WORD CHOICE...
_condolock_words() { mapfile -t COMPREPLY < <(compgen -W "${*:2}" -- "$1"); }

# One word as the shell would take it, but for what it would expand.
_condolock_unquoted() {
  local word=$1
  case $word in
    \"*\" | \'*\') word=${word:1:-1} ;;
    *) word=${word//\\/} ;;
  esac
  printf '%s' "$word"
}

_condolock() {
  local _condolock_program=${1/#\~\//$HOME/} i word option='' command='' operands=0
  local -a _condolock_globals=() words=()
  # Bash has split the words at = and : too (COMP_WORDBREAKS); those that stand together in the line are one.
  local rest=${COMP_LINE:0:COMP_POINT} behind
  for ((i = 0; i <= COMP_CWORD; i++)); do
    behind=${rest#"${rest%%[![:space:]]*}"}
    if ((i == 0)) || [[ $rest != "$behind" || -z $rest && -z ${COMP_WORDS[i]} ]]; then
      words+=("${COMP_WORDS[i]}")
    else
      words[-1]+=${COMP_WORDS[i]}
    fi
    rest=${behind#"${COMP_WORDS[i]}"}
  done
  local last=$((${#words[@]} - 1))

  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    if [[ $word == -- && $command == run ]]; then
      # Behind the -- stands a command line of its own.
      local offset complete_from=_comp_command_offset # bash-completion's name for it since 2.12
      declare -F "$complete_from" >/dev/null || complete_from=_command_offset
      if declare -F "$complete_from" >/dev/null; then
        for ((offset = 1; offset < COMP_CWORD; offset++)); do [[ ${COMP_WORDS[offset]} != -- ]] || break; done
        "$complete_from" $((offset + 1))
      else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(if ((i + 1 == last)); then compgen -c -- "${words[last]}"; fi; compgen -f -- "${words[last]}")
      fi
      return
    fi
    case $word in
      -u | --url | --user | --password-file | --tls-cacert | --tls-cert | --tls-key | --tls-sni | --redis-timeout | --namespace | --config)
        ((++i < last)) || break
        _condolock_globals+=("$word" "$(_condolock_unquoted "${words[i]}")")
        ;;
      --url=* | --user=* | --password-file=* | --tls-*=* | --redis-timeout=* | --namespace=* | --config=*)
        _condolock_globals+=("${word%%=*}=$(_condolock_unquoted "${word#*=}")")
        ;;
      --color) ((i++)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; else ((++operands)); fi ;;
    esac
  done

  # What of the word bash will leave as it is: only what stands behind the last character that it breaks at is replaced.
  local breaks=${COMP_WORDBREAKS//[^:=]/} cut=''
  word=${words[last]}
  [[ -z $breaks || $word != *["$breaks"]* ]] || cut=${word%"${word##*["$breaks"]}"}
  local before=''
  if [[ $word == --*=* ]]; then
    option=${word%%=*} before=${word%%=*}= word=${word#*=}
  elif ((last > 1)); then
    option=${words[last - 1]}
  fi
  case $option in
    --key | --after | --not-running) _condolock_add_keys "$word" ;;
    --accessed-prior) _condolock_add_keys "$word" : ;;
    --password-file | --config)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      ;;
    --color) _condolock_words "$word" auto always never ;;
    -w | --wait) _condolock_words "$word" forever ;;
    --on-unreachable) _condolock_words "$word" fail run skip ;;
    --leftovers) _condolock_words "$word" leave wait kill ;;
    --min-time-from) _condolock_words "$word" start end ;;
    *)
      if [[ -n $before ]] || _condolock_takes_value "$option" "$command"; then
        return
      elif [[ $word == -* ]]; then
        _condolock_words "$word" "$(_condolock_options "$command")"
      elif [[ -z $command ]]; then
        _condolock_words "$word" "$(_condolock_commands)"
      else
        case $command in
          completion) ((operands)) || _condolock_words "$word" bash zsh fish ;;
          help) ((operands)) || _condolock_words "$word" "$(_condolock_commands)" ;;
          doctor | version) ;;
          *) _condolock_add_keys "$word" ;;
        esac
      fi
      ;;
  esac
  [[ -z $before ]] || COMPREPLY=("${COMPREPLY[@]/#/$before}")
  [[ -z $cut ]] || COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}

complete -F _condolock condolock
