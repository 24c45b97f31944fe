# Kills or stops condolock, its keeper or both at random moments of a run, and looks for processes that are left of the run:
#
#   perl kills.pl NUMBER SIGNAL TARGET    SIGNAL is KILL or STOP, TARGET is condolock, keeper or both
#   perl kills.pl --look MARK PID...      exits 1 and names the processes with this mark, except these and the keeper
#
# Each run starts a command with workers that ignore TERM: in the background, an orphan, and one in a session of its own. All
# processes of a run carry a mark in their environment. The command ends them after 30 ms, but never after a kill. Half of
# the moments are spread over the whole life of a run. The other half come after its keeper appears, most of them soon after.
# At the chosen moment a second run begins to wait for the key. It looks when it gets the lease.
#
# Prints a line with the numbers. Exits 1 if a process was alive when it must not be. CONDOLOCK is the program.
use strict;
use warnings;
use Time::HiRes qw(sleep time);

# Counted in naps, a second lasts longer on a busy machine.
use constant {AT_ONCE => 6, NAP => 0.05, NAPS_PER_SECOND => 20, PATIENCE => 60};

sub content {
  my ($path) = @_;
  open(my $file, '<', $path) or return '';
  local $/;
  return <$file> // '';
}

# A process in the middle of an exec has no environment, so this looks three times.
sub alive {
  my ($mark, @spared) = @_;
  my %found;
  for my $look (1 .. 3) {
    sleep 0.003 if $look > 1;
    for my $environment (glob '/proc/[0-9]*/environ') {
      my ($pid) = $environment =~ /(\d+)/;
      next if grep { $_ == $pid } @spared;
      $found{$pid} = 1 if index(content($environment), "MARK=$mark\0") >= 0;
    }
  }
  return grep { content("/proc/$_/stat") =~ /\) [^ZX]/ } sort keys %found;
}

sub told { join ', ', map { "$_ " . content("/proc/$_/cmdline") =~ tr/\0\n/  /r } @_ }

if ($ARGV[0] eq '--look') {
  my (undef, $mark, @spared) = @ARGV;
  my @left = grep { content("/proc/$_/comm") ne "lease-keeper\n" } alive($mark, @spared);
  print STDERR told(@left) if @left;
  exit(@left ? 1 : 0);
}

my ($number, $signal, $target) = @ARGV;
my $condolock = $ENV{CONDOLOCK} or die 'CONDOLOCK?';

my $command = <<'SH';
trap '' TERM
echo $$ >"$0.command"
sleep 60 &
first=$!
orphan=$(sleep 60 >/dev/null & echo $!)
setsid -w sleep 60 &
session=$!
sleep 0.03
while [ -e "$0.hold" ]; do sleep 0.1; done
kill -KILL "$first" "$orphan" "$session"
wait
while kill -0 "$orphan" 2>/dev/null; do sleep 0.01; done
SH

sub spawn {
  my ($mark, @words) = @_;
  my $pid = fork // die;
  return $pid if $pid;
  $ENV{MARK} = $mark;
  $SIG{$_} = 'DEFAULT' for keys %SIG;
  open(STDERR, '>', "$mark.err");
  exec @words or die;
}

sub start_run {
  my ($mark, $lease) = @_;
  return spawn($mark, $condolock, 'run', '--key', $mark, '--lease', $lease, '-k', '100ms', '--', 'sh', '-c', $command,
    $mark);
}

sub keeper_of {
  my ($pid) = @_;
  my ($keeper) = split ' ', content("/proc/$pid/task/$pid/children");
  return $keeper;
}

# False: the process has ended.
sub reap {
  my ($pid, $flags) = @_;
  return waitpid($pid, $flags // 0) == 0;
}

# Measures how long a run takes, in all and from its keeper's start.
sub measure {
  my ($whole, $kept) = (0, 0);
  for my $i (1 .. 3) {
    my $began = time;
    my $pid = start_run("$$-m$i", '60s');
    my $keeper;
    my $since = $began;
    while (reap($pid, 1)) {
      next if $keeper;
      $since = time if $keeper = keeper_of($pid);
    }
    die 'a run without a fault fails: ' . content("$$-m$i.err") if $?;
    unlink glob "$$-m$i.*";
    my $end = time;
    $whole = $end - $began if $end - $began > $whole;
    $kept = $end - $since if $end - $since > $kept;
  }
  return ($whole, $kept);
}

my ($whole, $kept) = measure();

# Returns the results: a hash of counts and of faults.
sub round {
  my ($i) = @_;
  my $mark = "$$-$i";
  my %out;
  # A stopped condolock leaves the keeper a ninth of the lease, which a busy machine may need.
  my $pid = start_run($mark, $signal eq 'STOP' ? '3s' : '1s');
  my $keeper;
  if ($target ne 'condolock' || $i % 2) {
    while (reap($pid, 1)) {
      last if $keeper = keeper_of($pid);
    }
    sleep $kept * 1.1 * rand() ** ($i % 4 < 2 ? 1 : 4);
  } else {
    sleep $whole * 1.1 * rand;
  }
  open(my $hold, '>', "$mark.hold") or die;
  my $had_command = -s "$mark.command";
  my $had_ended = !reap($pid, 1);
  my @targets = grep { $_ } $target eq 'condolock' ? $pid : $target eq 'keeper' ? $keeper : ($pid, $keeper);
  # The process ID may belong to another process now, so leave it alone.
  @targets = () if $had_ended;
  kill $signal => @targets;
  $out{@targets ? 'hit' : 'late'}++;
  $out{$had_command ? 'after its exec' : 'before its exec'}++ if @targets;

  # The next run has another mark.
  my $next = spawn("$mark-next", $condolock, 'run', '--key', $mark, '--wait', PATIENCE, '--', 'perl', $0, '--look', $mark,
    $pid) if $target ne 'both';
  my $naps = 0;
  if (@targets && $signal eq 'KILL' && $target ne 'keeper') {
    $pid = 0 if !reap($pid);
    my @left;
    for (;; $naps++) {
      @left = alive($mark);
      last if !@left || $naps >= NAPS_PER_SECOND;
      sleep NAP;
    }
    $out{slowest} = $naps * NAP;
    if ($target eq 'both') {
      # After its exec, the command has its own words in its arguments; before, it has those of condolock.
      my @command = grep { content("/proc/$_/cmdline") =~ /\.command/ } @left;
      $out{fault} = 'the command lives: ' . told(@command) if @command;
      $out{left}++ if @left;
      kill KILL => @left;
    } elsif (@left) {
      $out{fault} = 'alive after a second: ' . told(@left);
    }
  }
  if ($next && !(waitpid($next, 0) == $next && $? == 0)) {
    $out{fault} = "alive when the lease was free, or it never was: $? " . content("$mark-next.err");
  }
  if ($target eq 'keeper' && $pid && !$had_ended) {
    # condolock has ended the run, so it ends, too.
    my $until = time + PATIENCE;
    sleep 0.01 while reap($pid, 1) && time < $until;
    $out{fault} = "condolock goes on without its keeper" if time >= $until;
    my @left = alive($mark);
    $out{fault} = 'alive after condolock: ' . told(@left) if @left;
  } elsif ($pid && !$had_ended) {
    kill KILL => $pid;
    waitpid $pid, 0;
  }
  kill KILL => alive($mark);
  unlink glob "$mark.* $mark-next.*";
  $out{fault} .= " (round $i, mark $mark)" if $out{fault};
  return %out;
}

my @readers;
for my $worker (0 .. AT_ONCE - 1) {
  pipe(my $reader, my $writer) or die;
  my $pid = fork // die;
  if (!$pid) {
    close $reader;
    srand($$ ^ time * 1000);
    for (my $i = $worker; $i < $number; $i += AT_ONCE) {
      my %out = round($i);
      print $writer "$_=$out{$_}\n" =~ tr/\n/ /r, "\n" for sort keys %out;
    }
    close $writer;
    exit 0;
  }
  close $writer;
  push @readers, $reader;
}
my (%sum, @faults);
for my $reader (@readers) {
  while (<$reader>) {
    chomp;
    my ($name, $value) = split /=/, $_, 2;
    if ($name eq 'fault') { push @faults, $value }
    elsif ($name eq 'slowest') { $sum{$name} = $value if $value > ($sum{$name} // 0) }
    else { $sum{$name} += $value }
  }
}
1 while wait > 0;
printf "%d times %s to %s in a run of %d ms: ", $number, $signal, $target, $whole * 1000;
printf "%d hit (%d before the command's exec, %d after), %d after the end of the run; %d faults",
  (map { $_ // 0 } @sum{'hit', 'before its exec', 'after its exec', 'late'}), scalar @faults;
printf "; all had ended after %.2f s", $sum{slowest} if defined $sum{slowest} && $target eq 'condolock';
printf "; of %d runs something was left", $sum{left} // 0 if $target eq 'both';
print "\n", map { "$_\n" } @faults;
# Without hits, nothing was tested.
exit(@faults || ($sum{hit} // 0) < $number / 4 ? 1 : 0);
