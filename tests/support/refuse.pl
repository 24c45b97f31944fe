# refuse.pl [--kill] SYSCALL[:FIRST_ARGUMENT] COMMAND...: runs the command in a sandbox that refuses that system call with
# EPERM, always or only with that first argument. It uses a seccomp filter, as containers and systemd do. With --kill, the
# call kills the process, even if that blocks all signals.
use strict;
use warnings;

my $kills = $ARGV[0] eq '--kill' && shift;
my ($name, $argument) = split /:/, shift;
my $is_arm = `uname -m` =~ /aarch64/;
my %numbers = $is_arm ? (prctl => 167, timer_create => 107, clone => 220) : (prctl => 157, timer_create => 222, clone => 56);
my $number = $numbers{$name} // die "refuse.pl: which system call?\n";

sub instruction { my ($code, $true, $false, $value) = @_; return pack "SCCL", $code, $true, $false, $value }
my ($load, $jump_if_equal, $return) = (0x20, 0x15, 0x06);
my ($allow, $refuse) = (0x7fff0000, $kills ? 0x80000000 : 0x00050001);
my @filter = (instruction($load, 0, 0, 0));  # the call's number
if (defined $argument) {
  push @filter, instruction($jump_if_equal, 0, 3, $number), instruction($load, 0, 0, 16),
    instruction($jump_if_equal, 0, 1, $argument);
} else {
  push @filter, instruction($jump_if_equal, 0, 1, $number);
}
push @filter, instruction($return, 0, 0, $refuse), instruction($return, 0, 0, $allow);
my $code = join "", @filter;
my $program = pack "S x6 P", scalar @filter, $code;
my ($set_no_new_privileges, $set_seccomp, $filter_mode) = (38, 22, 2);
syscall($numbers{prctl}, $set_no_new_privileges, 1, 0, 0, 0) == 0 or die "no_new_privs: $!\n";
syscall($numbers{prctl}, $set_seccomp, $filter_mode, $program, 0, 0) == 0 or die "seccomp: $!\n";
exec @ARGV or die "$ARGV[0]: $!\n";
