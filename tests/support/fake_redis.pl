# A server with given answers: perl fake_redis.pl SOCKET LOG [bytewise] NAME=REPLY...
#
# NAME is a script (acquire, renew, finish, abandon, status, ...) or a command (BLPOP, PING, ROLE, AUTH, SELECT). The nth reply
# of a name answers its nth request, and the last one all further requests. A name without a reply gets +OK.
# REPLY is one of:
#   words       "granted 17 1000 -" is an array of four texts; - is an empty one
#   raw:TEXT    these bytes; \r and \n are replaced
#   many:N:TEXT the same bytes N times
#   flood:TEXT  the same bytes without an end, until the client closes the connection
#   silent      nothing
#   close       closes the connection
# As in Redis, EVALSHA gets NOSCRIPT until the script has come with EVAL, which does not count as a request for the script.
# With "bytewise", each byte of a reply is sent by itself. LOG gets a line per request: its name, after "EVAL " if the script
# itself came, or "NOSCRIPT".
use strict;
use warnings;
use Digest::SHA 'sha1_hex';
use IO::Select;
use IO::Socket::UNIX;

my ($path, $log, @rules) = @ARGV;
$SIG{PIPE} = 'IGNORE';
open(my $requests, '>>', $log) or die;
$requests->autoflush(1);
my $bytewise = @rules && $rules[0] eq 'bytewise' && shift @rules;
my (%replies, %names, %input);
for (@rules) {
  my ($name, $reply) = split /=/, $_, 2;
  push @{$replies{$name}}, $reply;
}

sub put {
  my ($client, $bytes) = @_;
  for my $part ($bytewise ? split //, $bytes : $bytes) {
    for (my $at = 0; $at < length $part;) {
      my $sent = syswrite($client, $part, length($part) - $at, $at);
      return 0 unless defined $sent;
      $at += $sent;
    }
    select(undef, undef, undef, 0.0005) if $bytewise;
  }
  return 1;
}

sub unescaped { my ($text) = @_; $text =~ s/\\r/\r/g; $text =~ s/\\n/\n/g; return $text; }

# False: close the connection.
sub answer {
  my ($client, $name) = @_;
  my $all = $replies{$name} or return put($client, "+OK\r\n");
  my $reply = @$all > 1 ? shift @$all : $all->[0];
  return 1 if $reply eq 'silent';
  return 0 if $reply eq 'close';
  return put($client, unescaped($1)) if $reply =~ /^raw:(.*)$/s;
  return put($client, unescaped($2) x $1) if $reply =~ /^many:(\d+):(.*)$/s;
  if ($reply =~ /^flood:(.*)$/s) {
    my $bytes = unescaped($1) x 1000;
    1 while put($client, $bytes);
    return 0;
  }
  my @words = map { $_ eq '-' ? '' : $_ } split / /, $reply;
  return put($client, '*' . @words . "\r\n" . join('', map { '$' . length($_) . "\r\n$_\r\n" } @words));
}

sub on_request {
  my ($client, @words) = @_;
  my $name = uc $words[0];
  my $prefix = '';
  if ($name eq 'EVAL') {
    $words[1] =~ /^-- (acquire|renew|finish|abandon|touch|status|pause|resume|unlock|reset|list|history): /m or die;
    $prefix = 'EVAL ';
    $names{sha1_hex($words[1])} = $name = $1;
  } elsif ($name eq 'EVALSHA') {
    $name = $names{$words[1]};
    if (!defined $name) {
      print $requests "NOSCRIPT\n";
      return put($client, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    }
  }
  print $requests "$prefix$name\n";
  return answer($client, $name);
}

# Removes one whole request from the front of the text; nothing if it has not arrived completely.
sub take_request {
  my ($text) = @_;
  $$text =~ /^\*(\d+)\r\n/ or return;
  my ($left, $at, @words) = ($1, $+[0]);
  while ($left-- > 0) {
    pos($$text) = $at;
    $$text =~ /\G\$(\d+)\r\n/g or return;
    $at = pos($$text) + $1 + 2;
    return if $at > length $$text;
    push @words, substr($$text, pos($$text), $1);
  }
  substr($$text, 0, $at) = '';
  return @words;
}

my $listener = IO::Socket::UNIX->new(Local => "$path.new", Listen => 64) or die;
rename("$path.new", $path) or die; # a client that sees the socket can connect
my $open = IO::Select->new($listener);
while (my @ready = $open->can_read) {
  for my $client (@ready) {
    if ($client == $listener) {
      $open->add($listener->accept);
      next;
    }
    my $alive = sysread($client, $input{$client}, 1 << 20, length($input{$client} // ''));
    while ($alive and my @words = take_request(\$input{$client})) {
      $alive = on_request($client, @words);
    }
    next if $alive;
    delete $input{$client};
    $open->remove($client);
    close $client;
  }
}
