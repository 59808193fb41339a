package Destination;

# What events are delivered to: a server of HTTP or FastCGI in a process of its
# own, that answers as the event says, and counts.
#
#     my $destination = Destination->new(port => 1234)->start;
#     ...
#     my @seen = $destination->wait_for(3);
#     is($seen[0]{body}, '{}', 'the body of what came first');
#     $destination->stop;
#
# The header X-Do of an event says how its attempts are answered, in this
# order and the last one from then on:
#
#     X-Do: 503;Retry-After=1, wait0.2 500, 410
#
# A step is a status, 200 if there is none; with headers after semicolons; with
# "wait<seconds>" before it is answered; or one of
#
#     hang        there is no answer at all, for as long as somebody waits
#     close       the connection is closed instead of an answer
#     cut         the answer ends before its end
#     early       the answer comes after two interim ones, 100 and 103
#     big         the answer has 3 MB
#     endless     the answer never ends
#     drip        neither, and it has a byte every 50 milliseconds
#     crawl       the same, and its head never ends
#
# Attempts are counted by the body.  What comes is told by wait_for() and seen()
# as hashes of time, connection (a number), active (how many were under way with
# it), status, request (its first line), headers (the last of a name, in lower
# case), head (all of it) and body.  Of FastCGI, headers are the parameters.

use strict;
use warnings;

use Child ();
use Errno ();
use IO::Select ();
use IO::Socket::INET ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

my $Patience = $ENV{WEBHOOK_TEST_MEMCHECK} ? 120 : 30;


# port; protocol: "fastcgi", or HTTP; file: for what was seen; default: the step
# of an event that has none
sub new {
    my ($class, %self) = @_;

    my $self = bless {protocol => 'http', default => '200', %self}, $class;
    $self->{file} //= "$NginxProcess::Root/logs/destination.$self->{port}";
    unlink $self->{file};

    return $self;
}

sub start {
    my $self = shift;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port},
                                       Listen => 1024, ReuseAddr => 1)
        or die "listen $self->{port}: $!";
    $listen->blocking(0);

    $self->{pid} = Child::start('destination', sub { $self->serve($listen) });

    return $self;
}

# It is gone at once, as after a crash.
sub stop {
    my $self = shift;
    my $pid = delete $self->{pid} or return $self;

    Child::stop($pid);

    return $self;
}

# Stops answering, without closing anything.
sub pause { kill STOP => $_[0]{pid}; return $_[0] }
sub resume { kill CONT => $_[0]{pid}; return $_[0] }


# --- what was seen --------------------------------------------------------

sub seen {
    my $self = shift;

    open my $file, '<:raw', $self->{file} or return;
    seek $file, $self->{from} // 0, 0;

    my (@seen, $line);

    while (defined($line = <$file>) && $line =~ s/\n$//) {
        my %seen;
        (@seen{qw(time connection active status)}, my @texts)
            = split /\t/, $line, -1;
        s/%(..)/chr hex $1/ge for @texts;
        @seen{qw(head body)} = @texts;

        my @lines = split /\r\n/, $seen{head};
        $seen{request} = shift @lines;
        $seen{headers}
            = {map { /^([^:]*): ?(.*)/s ? (lc $1 => $2) : () } @lines};

        push @seen, \%seen;
    }

    return @seen;
}

# Only what comes from now on is seen.
sub forget {
    my $self = shift;
    $self->{from} = -s $self->{file} // 0;
    return $self;
}

sub count {
    my $self = shift;

    open my $file, '<:raw', $self->{file} or return 0;
    seek $file, $self->{from} // 0, 0;

    my $n = 0;
    while (defined(my $line = <$file>)) { $n++ if $line =~ /\n$/ }
    return $n;
}

# Waits until so much was seen, and returns it; all there is after a while.
sub wait_for {
    my ($self, $n, $patience) = @_;
    my $end = time + ($patience // $Patience);

    sleep 0.02 while $self->count < $n && time < $end;

    return $self->seen;
}


# --- the server -----------------------------------------------------------

sub serve {
    my ($self, $listen) = @_;
    my $select = IO::Select->new($listen);
    my $writing = IO::Select->new;
    my (%open, %attempts, %due);
    my ($number, $active) = (0, 0);

    open my $out, '>>:raw', $self->{file} or die "$self->{file}: $!";
    $out->autoflush(1);

    my $forget = sub {
        my $c = shift;
        $active-- if $c->{busy};
        delete $due{$c->{number}};
        $select->remove($c->{socket});
        $writing->remove($c->{socket});
        delete $open{fileno $c->{socket}};
        close $c->{socket};
    };

    # false: it is gone
    my $write = sub {
        my $c = shift;

        while (length $c->{out} || $c->{endless}) {
            $c->{out} .= 'x' x 65536 if $c->{endless} && !length $c->{out};

            my $n = syswrite $c->{socket}, $c->{out}, 1 << 20;

            if (!defined $n) {
                if ($!{EAGAIN}) {
                    $writing->add($c->{socket});
                    return 1;
                }
                $forget->($c);
                return 0;
            }

            substr $c->{out}, 0, $n, '';
        }

        $writing->remove($c->{socket});

        if ($c->{last}) {
            $forget->($c);
            return 0;
        }

        return 1;
    };

    my $answer = sub {
        my $c = shift;
        my $step = $c->{busy};

        $active--;
        $c->{busy} = undef;

        if ($step->{how} eq 'close') {
            $forget->($c);
            return;
        }

        $c->{last} = 1 if $step->{how} =~ /cut|endless|early/;
        $c->{endless} = 1 if $step->{how} eq 'endless';

        my $body = $step->{how} eq 'big' ? 'x' x (3 << 20) : 'done';

        $c->{out} .= $self->{protocol} eq 'fastcgi'
                     ? fastcgi_answer($step, $body)
                     : http_answer($step, $body);
        $c->{last} = 1 if $self->{protocol} eq 'fastcgi' && !$c->{keep};

        $write->($c);
    };

    # Looks for requests in what a connection has sent.
    my $read = sub {
        my $c = shift;

        while (!$c->{busy} && $c->{socket}->opened
               && (my $request = $self->{protocol} eq 'fastcgi'
                                 ? fastcgi_request($c) : http_request($c)))
        {
            my ($head, $body) = @$request;
            my ($do) = $head =~ /^(?:X-Do|HTTP_X_DO): *(.*?) *\r?$/mi;
            my @steps = split / *, */, $do // $self->{default};
            my $k = $attempts{$body}++;
            my $step = step($steps[$k < @steps ? $k : -1]);

            $active++;
            $c->{busy} = $step;

            my @texts = ($head, $body);
            s/([^\x21-\x24\x26-\x7e])/sprintf '%%%02x', ord $1/ge for @texts;

            print $out join("\t", sprintf('%.4f', time), $c->{number}, $active,
                            $step->{status}, @texts), "\n";

            if ($step->{how} =~ /drip|crawl/) {
                $c->{drip} = 1;
                $c->{out} .= $step->{how} eq 'drip'
                             ? "HTTP/1.1 200 OK\r\n\r\n"
                             : "HTTP/1.1 200 OK\r\nX-Long: ";
                $due{$c->{number}} = [time, $c];

            } elsif ($step->{wait}) {
                $due{$c->{number}} = [time + $step->{wait}, $c];

            } elsif ($step->{how} ne 'hang') {
                $answer->($c);
            }
        }
    };

    while (!Child::orphan()) {
        my $now = time;
        my $timeout = 0.5;

        for (values %due) {
            my $left = $_->[0] - $now;
            $timeout = $left < 0 ? 0 : $left if $left < $timeout;
        }

        my ($readable, $writable)
            = IO::Select->select($select, $writing, undef, $timeout);

        for (values %due) {
            my ($at, $c) = @$_;
            next if $at > time;
            delete $due{$c->{number}};

            if ($c->{drip}) {
                $c->{out} .= 'x';
                $due{$c->{number}} = [time + 0.05, $c] if $write->($c);
                next;
            }

            $answer->($c);
            $read->($c) if $c->{socket}->opened;
        }

        for my $socket (@{$writable || []}) {
            my $c = $socket->opened ? $open{fileno $socket} : undef;
            $write->($c) if $c;
        }

        for my $socket (@{$readable || []}) {

            if ($socket == $listen) {
                while (my $new = $listen->accept) {
                    $new->blocking(0);
                    $new->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
                    $open{fileno $new} = {socket => $new, in => '', out => '',
                                          number => $number++};
                    $select->add($new);
                }
                next;
            }

            my $c = $socket->opened ? $open{fileno $socket} : undef;
            next if !$c;

            my $n = sysread $socket, $c->{in}, 1 << 20, length $c->{in};

            if (!$n && !(!defined $n && $!{EAGAIN})) {
                $forget->($c);
                next;
            }

            $read->($c);
        }
    }
}

sub step {
    my ($text, @headers) = split /;/, shift;

    my $wait = $text =~ s/^wait([\d.]+) *// ? $1 : 0;
    my ($status, $how) = $text =~ /^\d+$/ ? ($text, '') : (200, $text);

    return {status => $status, how => $how, wait => $wait,
            headers => [map { s/=/: /r } @headers]};
}

sub http_request {
    my $c = shift;

    $c->{in} =~ /\r\n\r\n/ or return;
    my ($head, $end) = ($`, $+[0]);
    my $length = $head =~ /^Content-Length: *(\d+)/mi ? $1 : 0;

    return if length $c->{in} < $end + $length;

    my $body = substr $c->{in}, $end, $length;
    substr $c->{in}, 0, $end + $length, '';

    return [$head, $body];
}

sub http_answer {
    my ($step, $body) = @_;

    return "HTTP/1.1 200 OK\r\n\r\n" if $step->{how} eq 'endless';

    my $head = join "\r\n", "HTTP/1.1 $step->{status} Done",
                    'Content-Length: ' . length $body,
                    "Content-Type: text/html", @{$step->{headers}}, '', '';

    $body = substr $body, 0, 2 if $step->{how} eq 'cut';

    $head = "HTTP/1.1 100 Continue\r\n\r\n"
            . "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n$head"
        if $step->{how} eq 'early';

    return $head . ($step->{status} == 204 ? '' : $body);
}

sub fastcgi_request {
    my $c = shift;

    while (length $c->{in} >= 8) {
        my ($type, $id, $length, $padding) = unpack 'xCnnC', $c->{in};

        return if length $c->{in} < 8 + $length + $padding;

        my $content = substr $c->{in}, 8, $length;
        substr $c->{in}, 0, 8 + $length + $padding, '';

        if ($type == 1) {
            $c->{keep} = unpack('xxC', $content) & 1;
            $c->{params} = $c->{stdin} = '';
        }

        $c->{params} .= $content if $type == 4;
        $c->{stdin} .= $content if $type == 5;

        next if $type != 5 || $length;

        my (@params, @sizes);
        my $rest = $c->{params};

        while (length $rest) {
            @sizes = map {
                my $n = unpack 'C', $rest;
                my $long = $n & 0x80;
                $n = unpack('N', $rest) & 0x7fffffff if $long;
                substr $rest, 0, $long ? 4 : 1, '';
                $n;
            } 1, 2;
            my $name = substr $rest, 0, $sizes[0], '';
            push @params, "$name: " . substr $rest, 0, $sizes[1], '';
        }

        return [join("\r\n", 'FastCGI', @params), $c->{stdin}];
    }

    return;
}

sub fastcgi_answer {
    my ($step, $body) = @_;
    my $out = '';
    my $text = join "\r\n", "Status: $step->{status}",
                    'Content-Type: text/html', @{$step->{headers}}, '', $body;

    while (length $text) {
        my $some = substr $text, 0, 32768, '';
        $out .= pack('CCnnCC', 1, 6, 1, length $some, 0, 0) . $some;
    }

    return $out . pack('CCnnCC', 1, 6, 1, 0, 0, 0)
           . pack('CCnnCC', 1, 3, 1, 8, 0, 0) . "\0" x 8;
}

1;
