# fish completion for condolock
#
# Commands and options are those that --help prints, so they are always the ones of the program at hand.

# __condolock_help [COMMAND]: a line for each option, as help has them. What every command takes stands in the program's own.
function __condolock_help -a program command
    if test -n "$command"
        $program $command --help 2>/dev/null | sed -n '/^Global options/q; /^  -/p'
    end
    $program --help 2>/dev/null | sed -n '/^Global options/,/^$/ { /^  -/p }'
end

# Redis gets 0.3 s, and silence is an answer. A key with a backslash is shown, not written, in this form.
function __condolock_keys
    timeout 0.3 $argv list --plain 2>/dev/null | string match -rv '\\\\'
end

function __condolock_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct | string collect --allow-empty)
    set -l program (string replace -r '^~/' $HOME/ -- $tokens[1])
    command -q $program; or return
    set -l globals
    set -l command
    set -l operands 0
    set -l i 2
    while test $i -le (count $tokens)
        set -l word $tokens[$i]
        switch $word
            case --
                if test "$command" = run
                    # Behind the -- stands a command line of its own.
                    complete -C (string join ' ' -- (string escape -- $tokens[(math $i + 1)..-1]) $current)
                    return
                end
            case -u --url --user --password-file --tls-cacert --tls-cert --tls-key --tls-sni --redis-timeout --namespace --config
                set i (math $i + 1)
                test $i -le (count $tokens); and set -a globals $word $tokens[$i]
            case '--url=*' '--user=*' '--password-file=*' '--tls-*=*' '--redis-timeout=*' '--namespace=*' '--config=*'
                set -a globals $word
            case --color
                set i (math $i + 1)
            case '-*'
            case '*'
                if test -n "$command"
                    set operands (math $operands + 1)
                else
                    set command $word
                end
        end
        set i (math $i + 1)
    end

    set -l option $tokens[-1]
    set -l before ""
    if set -l parts (string match -rg '^(--[a-z-]+)=(.*)$' -- $current)
        set option $parts[1]
        set current $parts[2]
        set before $option=
    end
    switch "$option"
        case --key --after --not-running
            printf '%s\n' $before(__condolock_keys $program $globals)
            return
        case --accessed-prior
            printf '%s\n' $before(__condolock_keys $program $globals):
            return
        case --password-file --config
            printf '%s\n' $before(__fish_complete_path $current)
            return
        case --color
            printf '%s\n' $before{auto,always,never}
            return
        case -w --wait
            printf '%s\n' $before"forever"
            return
        case --on-unreachable
            printf '%s\n' $before{fail,run,skip}
            return
        case --leftovers
            printf '%s\n' $before{leave,wait,kill}
            return
        case --min-time-from
            printf '%s\n' $before{start,end}
            return
    end
    if string match -q -- '-*' "$option"; and __condolock_help $program $command | grep -qE -- "(^  |, )$option(, --[a-z-]+)? [^ ]"
        return
    end
    if string match -q -- "-*" "$current"
        __condolock_help $program $command |
            sed -nE 's/^  ((-[a-zA-Z]), )?(--[a-z-]+)( [^ ]+)? *(.*)/\2\t\5\n\3\t\5/p; t; s/^  (-[a-zA-Z]) +(.*)/\1\t\2/p' | string match -v \t'*'
    else if test -z "$command" -o "$command" = help -a $operands -eq 0
        $program --help 2>/dev/null | sed -nE '/^Commands:/,/^$/ s/^  ([a-z]+) +(.*)/\1\t\2/p'
    else
        switch $command
            case help version doctor
            case completion
                test $operands -gt 0; or printf '%s\n' bash zsh fish
            case '*'
                __condolock_keys $program $globals
        end
    end
end

complete -c condolock -f -a '(__condolock_complete)'
