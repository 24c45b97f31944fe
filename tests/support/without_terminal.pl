# without_terminal.pl COMMAND...: executes it without the caller's controlling terminal. condolock then does the same in a test
# as in CI or below cron. It stays in the caller's process group, so Ctrl-C still ends it.
use strict;
use warnings;

use constant TIOCNOTTY => 0x5422;    # asm-generic/ioctls.h
if (open my $terminal, '+<', '/dev/tty') {
    local $SIG{HUP} = 'IGNORE';    # a session's leader gets it
    ioctl $terminal, TIOCNOTTY, 0 or die "TIOCNOTTY: $!\n";
}
exec @ARGV or die "$ARGV[0]: $!\n";
