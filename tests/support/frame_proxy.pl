# A proxy between the program and a server, frame by frame: perl frame_proxy.pl LISTEN UPSTREAM LOG MANNER
#
# MANNER is one of:
#   twice  each request goes to the server twice, and the first of its two replies to the client
#   late   the first script call stays here, and its client gets no answer. USR1: now it goes to the server. LOG gets "late "
#          and the server's reply
# LOG gets a line per request: its name.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($path, $upstream, $log, $manner) = @ARGV;
$SIG{PIPE} = 'IGNORE';
open(my $lines, '>>', $log) or die;
$lines->autoflush(1);

# Removes one whole frame from the front of the text; nothing if it has not arrived completely.
sub take {
  my ($text) = @_;
  my $end = end_of($text, 0) // return;
  return substr($$text, 0, $end, '');
}

# The end of the value that begins there.
sub end_of {
  my ($text, $at) = @_;
  pos($$text) = $at;
  $$text =~ /\G([-+:\$*])([^\r]*)\r\n/g or return;
  my ($type, $number) = ($1, $2);
  $at = pos $$text;
  if ($type eq '$' && $number >= 0) {
    $at += $number + 2;
    return $at <= length $$text ? $at : undef;
  }
  if ($type eq '*') {
    for (1 .. $number) { $at = end_of($text, $at) // return }
  }
  return $at;
}

my $late; # connection to the server, and the frame
my $released = 0;
$SIG{USR1} = sub { $released = 1 };

sub on_request {
  my ($pair, $frame) = @_;
  my ($name) = $frame =~ /\A\*\d+\r\n\$\d+\r\n([A-Za-z]+)/;
  print $lines uc $name, "\n";
  if ($manner eq 'twice') {
    $frame .= $frame;
  } elsif (!$late && $name =~ /^EVAL/i) {
    $late = [$pair->{server}, $frame];
    $pair->{mute} = 1;
    return;
  }
  syswrite($pair->{server}, $frame) unless $pair->{mute};
}

sub on_reply {
  my ($pair, $frame) = @_;
  return if $pair->{mute} || $manner eq 'twice' && $pair->{replies}++ % 2;
  syswrite($pair->{client}, $frame);
}

sub release {
  my ($server, $frame) = @$late;
  syswrite($server, $frame);
  my $reply = '';
  until (defined end_of(\$reply, 0)) { sysread($server, $reply, 65536, length $reply) or last }
  $reply =~ s/\r\n/ /g;
  print $lines "late $reply\n";
}

my $listener = IO::Socket::UNIX->new(Local => "$path.new", Listen => 64) or die;
rename("$path.new", $path) or die; # a client that sees the socket can connect
my $open = IO::Select->new($listener);
my %pairs;
for (;;) {
  my @ready = $open->can_read;
  if ($released) {
    $released = 0;
    release();
  }
  for my $from (@ready) {
    if ($from == $listener) {
      my $pair = {client => scalar $listener->accept, server => IO::Socket::UNIX->new(Peer => $upstream) || die, replies => 0};
      $pairs{$pair->{$_}} = [$pair, $_] for 'client', 'server';
      $open->add($pair->{client}, $pair->{server});
      next;
    }
    my ($pair, $side) = @{$pairs{$from} // next};
    if (!sysread($from, $pair->{"from $side"}, 65536, length($pair->{"from $side"} // ''))) {
      $open->remove($pair->{client}, $pair->{server});
      close $pair->{client};
      close $pair->{server} unless $pair->{mute};
      next;
    }
    while (defined(my $frame = take(\$pair->{"from $side"}))) {
      $side eq 'client' ? on_request($pair, $frame) : on_reply($pair, $frame);
    }
  }
}
