package LoadClient;

# Numbered requests over many connections, and what has become of each of them.
#
#     my $load = LoadClient->new(
#         port => NginxProcess::port(0), connections => 64, rate => 1000,
#         file => "$Root/logs/load",
#         request => sub { my $n = shift; return "POST ..." },
#         line => sub { my ($n, $status, $body) = @_; return "$n $status" });
#
#     $load->start(1, 5000);
#     ...
#     my @lines = $load->finish;
#
# - request: the bytes of a request; line: what is to be known of its answer.  A
#   status of 0: there was none, because the connection was closed or nothing
#   came for half a minute, so that nobody knows what has become of it.
# - rate: of so many requests in a second no connection sends more than its
#   share; without it, as many as are answered.
#
# It is one process beside the test's, which ends when all requests are done.
# Nothing is sent twice.  While nobody listens, nothing is sent.

use strict;
use warnings;

use Child ();
use IO::Socket::INET ();
use NginxProcess ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

my $Patience = 30;


sub new {
    my ($class, %self) = @_;
    return bless {connections => 64, %self}, $class;
}

# From one number to another one, both of them included.
sub start {
    my ($self, $from, $to) = @_;

    unlink $self->{file};

    $self->{pid} = Child::start('load', sub { $self->send_all($from, $to) });

    return $self;
}

# whether it has anything left to do
sub running {
    my $self = shift;

    delete $self->{pid} if $self->{pid} && Child::ended($self->{pid});

    return $self->{pid};
}

# Waits until all is done; gives the lines.
sub finish {
    my $self = shift;

    sleep 0.02 while $self->running;

    return split /\n/, NginxProcess::read_file($self->{file});
}

sub send_all {
    my ($self, $from, $to) = @_;
    my ($next, $start, $down) = ($from, time, 0);
    my (%busy, @idle);
    my $read = '';

    open my $log, '>', $self->{file} or die "$self->{file}: $!";

    my $done = sub {
        my ($connection, $status, $body) = @_;
        my $line = $self->{line}->($connection->{n}, $status, $body);
        print $log "$line\n";

        my $fd = fileno $connection->{socket};
        vec($read, $fd, 1) = 0;
        delete $busy{$fd};
    };

    while ($next <= $to || %busy) {
        my $allowed = $self->{rate} ? $from + (time - $start) * $self->{rate}
                                    : $to;

        while ($next <= $to && $next <= $allowed
               && keys %busy < $self->{connections})
        {
            my $socket = $self->take(\@idle) || $self->connect;

            if (!$socket) {
                # The time in which nobody listens does not count.
                sleep 0.02;
                $start += 0.02;
                last;
            }

            my $request = $self->{request}->($next);
            my $connection = {socket => $socket, n => $next, in => '',
                              since => time};
            my $fd = fileno $socket;

            $next++;
            $busy{$fd} = $connection;
            vec($read, $fd, 1) = 1;

            if ((syswrite($socket, $request) // 0) != length $request) {
                $done->($connection, 0);
            }
        }

        my $readable = $read;
        my $n = select $readable, undef, undef, 0.01;

        for my $connection (values %busy) {
            if ($n < 1 || !vec $readable, fileno $connection->{socket}, 1) {
                $done->($connection, 0)
                    if time - $connection->{since} > $Patience;
                next;
            }

            if (!sysread $connection->{socket}, $connection->{in}, 65536,
                         length $connection->{in})
            {
                $done->($connection, 0);
                next;
            }

            my ($head, $body) = split /\r\n\r\n/, $connection->{in}, 2;
            next if !defined $body;

            my ($status) = $head =~ m{^HTTP/1\.1 (\d{3}) } or die "odd: $head";
            my ($length) = $head =~ /\r\nContent-Length: (\d+)/i
                or die "no length: $head";

            next if length $body < $length;

            $done->($connection, $status, $body);
            push @idle, $connection->{socket}
                if $head !~ /\r\nConnection: close/i;
        }
    }

    close $log or die "$self->{file}: $!";
}

# One that has not been closed meanwhile.
sub take {
    my ($self, $idle) = @_;

    while (my $socket = pop @$idle) {
        vec(my $read = '', fileno $socket, 1) = 1;
        return $socket if select($read, undef, undef, 0) == 0;
    }

    return;
}

sub connect {
    my $self = shift;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $self->{port},
                                       Timeout => 5) or return;
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);

    return $socket;
}

1;
