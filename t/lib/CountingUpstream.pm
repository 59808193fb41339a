package CountingUpstream;

# An application that writes down each request before it answers it, so that
# whoever got an answer from it can rely on that: also when it is killed.
#
#     my $upstream = CountingUpstream->new(port => NginxProcess::port(1),
#                                          file => "$Root/logs/upstream");
#     $upstream->start;
#     ...
#     $upstream->kill;
#     my @lines = $upstream->lines;
#     $upstream->stop;
#
# - line: gets a request as {method, path, headers, body}, and gives the line to
#   be written; the default is method and path.  undef: none.
# - answer: gets the same, and gives status, body and headers; the default is
#   200 with the body that was sent.
#
# It is one process with any number of connections, which are kept alive.  A
# body must have a length, as it has when proxy_request_buffering is on.

use strict;
use warnings;

use Child ();
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Socket::INET ();
use List::Util qw(sum);


sub new {
    my ($class, %self) = @_;

    unlink $self{file};

    return bless {
        line => sub { "$_[0]{method} $_[0]{path}" },
        answer => sub { (200, $_[0]{body}) },
        %self
    }, $class;
}

# Nothing is lost if it is killed: a line is in the kernel's hands when the
# answer goes.
sub start {
    my $self = shift;

    my $listen = IO::Socket::INET->new(Listen => 1024, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port})
                 or die "listen $self->{port}: $!";

    $self->{pid} = Child::start('upstream', sub { $self->serve($listen) });

    return $self;
}

sub stop {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return;

    Child::stop($pid, $signal // 'TERM');
}

sub kill { $_[0]->stop('KILL') }

sub running { return $_[0]{pid} }

# What has been written; from a place on, which moves on.
sub lines {
    my ($self, $from) = @_;

    open my $file, '<', $self->{file} or return;

    if ($from) {
        seek $file, $$from // 0, 0;
    }

    my @lines = <$file>;

    # One that is being written is read when it is complete.
    pop @lines if @lines && $lines[-1] !~ /\n\z/;

    $$from = ($$from // 0) + sum(0, map { length } @lines) if $from;
    chomp @lines;

    return @lines;
}

sub serve {
    my ($self, $listen) = @_;
    my (%client, %in, %out);
    my ($read, $write) = ('', '');

    open my $log, '>>', $self->{file} or die "$self->{file}: $!";

    $listen->blocking(0);
    vec($read, fileno $listen, 1) = 1;

    my $close = sub {
        my $fd = shift;
        vec($_, $fd, 1) = 0 for $read, $write;
        close delete $client{$fd};
        delete $in{$fd};
        delete $out{$fd};
    };

    while (!Child::orphan()) {
        my ($readable, $writable) = ($read, $write);

        select($readable, $writable, undef, 1) > 0 or next;

        if (vec $readable, fileno $listen, 1) {
            while (my $socket = $listen->accept) {
                my $fd = fileno $socket;
                $socket->blocking(0);
                $client{$fd} = $socket;
                $in{$fd} = $out{$fd} = '';
                vec($read, $fd, 1) = 1;
            }
        }

        my $lines = '';

        for my $fd (keys %client) {
            next if !vec $readable, $fd, 1;

            my $n = sysread $client{$fd}, $in{$fd}, 1 << 20, length $in{$fd};

            if (!$n) {
                $close->($fd)
                    if defined $n || ($! != EAGAIN && $! != EWOULDBLOCK
                                      && $! != EINTR);
                next;
            }

            while (my $request = take(\$in{$fd})) {
                my $line = $self->{line}->($request);
                $lines .= "$line\n" if defined $line;

                my ($status, $body, @headers) = $self->{answer}->($request);
                my $head = "HTTP/1.1 $status X\r\nContent-Length: "
                           . length($body) . "\r\n";

                while (my ($name, $value) = splice @headers, 0, 2) {
                    $head .= "$name: $value\r\n";
                }

                $head .= "Connection: close\r\n" if $request->{close};
                $out{$fd} .= "$head\r\n$body";
            }
        }

        # First of all that has been read, then all answers.
        if (length $lines
            && (syswrite($log, $lines) // 0) != length $lines)
        {
            die "$self->{file}: $!";
        }

        for my $fd (keys %client) {
            next if $out{$fd} eq '';

            my $n = syswrite $client{$fd}, $out{$fd};

            if (defined $n) {
                substr $out{$fd}, 0, $n, '';
            } elsif ($! != EAGAIN && $! != EWOULDBLOCK && $! != EINTR) {
                $close->($fd);
                next;
            }

            vec($write, $fd, 1) = $out{$fd} eq '' ? 0 : 1;
        }
    }
}

# Takes the first whole request out of what has been read.
sub take {
    my $in = shift;

    my $end = index $$in, "\r\n\r\n";
    return if $end < 0;

    my ($first, @lines) = split /\r\n/, substr($$in, 0, $end);
    my ($method, $path, $version)
        = $first =~ m{^(\S+) (\S+) HTTP/1\.([01])$} or die "odd: $first\n";
    my %headers = map { /^([^:]+):\s*(.*)/ ? (lc $1 => $2) : () } @lines;
    my $length = $headers{'content-length'} // 0;

    return if length $$in < $end + 4 + $length;

    substr $$in, 0, $end + 4, '';

    return {method => $method, path => $path, headers => \%headers,
            body => substr($$in, 0, $length, ''),
            close => lc($headers{connection} // '') eq 'close'
                     || $version == 0};
}

1;
