package HTTPClient;

# A client that lets a test choose every byte and every frame, and when it is
# sent: for what Test::Nginx's requests can't show.
#
#     use HTTPClient qw(dial put request answer);
#
#     my $socket = dial();
#     put($socket, request('POST', '/t', '{}', 'X-Secret' => 'right'));
#     is(answer($socket), '200 done', 'it is taken');
#
# dial() connects to $TEST_NGINX_SERVER_PORT of WebhookTest.pm, unless another
# port is named.  Nothing is exported that is not asked for, so that a test can
# have a head() or headers() of its own, with what it sends always.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select ();
use IO::Socket::INET ();
use Socket qw(IPPROTO_TCP MSG_PEEK TCP_NODELAY);

our @EXPORT_OK = qw($Head dial put chunks head request answer
                    frame data end reset_stream headers dial2 answer2);

# of what answer() has read
our $Head = '';

# A server may have closed already.  What is sent then is lost, at once or when
# the socket is closed, and answer() says so.
$SIG{PIPE} = 'IGNORE';

# seconds, until nothing is taken for an answer
my $Patience = $ENV{WEBHOOK_TEST_MEMCHECK} ? 100 : 10;


sub dial {
    my $port = shift // $ENV{TEST_NGINX_SERVER_PORT};

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port,
                                       Timeout => 5) or die "connect: $!";
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    $socket->blocking(1);
    $socket->autoflush(1);
    return $socket;
}

# What the server does not want any more is nobody's.
sub put { my $socket = shift; local $SIG{PIPE} = 'IGNORE'; print $socket @_ }


# --- HTTP/1.1 -------------------------------------------------------------

sub chunks { join('', map { sprintf "%x\r\n%s\r\n", length $_, $_ } @_)
             . "0\r\n\r\n" }

# The head of a request.  undef: there is no such header; a list: so many.
sub head {
    my ($method, $uri, @header) = @_;
    my %named = @header;
    my $text = exists $named{Host} ? '' : "Host: x\r\n";

    while (my ($name, $value) = splice @header, 0, 2) {
        next if !defined $value;
        $text .= "$name: $_\r\n" for ref $value ? @$value : $value;
    }

    return "$method $uri HTTP/1.1\r\n$text\r\n";
}

sub request {
    my ($method, $uri, $body, @header) = @_;

    return head($method, $uri, @header) if !defined $body;
    return head($method, $uri, 'Content-Length' => length $body, @header)
           . $body;
}

# Reads one response, its head into $Head; gives its status and its body,
# "closed" if there is none, "silent" if nothing comes.  What follows is left in
# the socket.

sub answer {
    my ($socket, $bodyless) = @_;
    my $in = '';

    $Head = '';

    # Up to and with what $end matches, or so many bytes.
    my $read = sub {
        my ($end, $length) = @_;
        $in = '';

        while ($end ? $in !~ /$end/ : length $in < $length) {
            return 'silent' if !IO::Select->new($socket)->can_read($Patience);

            my $had = length $in;
            my $more = '';

            return 'closed'
                if !defined recv($socket, $more,
                                 $end ? 65536 : $length - $had, MSG_PEEK)
                   || !length $more;

            my $all = $in . $more;
            my $take = $end && $all =~ /$end/ ? $+[0] - $had : length $more;

            sysread $socket, $in, $take, $had or return 'closed';
        }

        return;
    };

    my $failed = $read->(qr/\r\n\r\n/);
    return $failed if $failed;

    $Head = $in;

    my ($status) = $Head =~ /^HTTP\/1\.1 (\d+) / or return "odd $Head";

    return $status if $status == 100;

    if ($Head =~ /\r\nTransfer-Encoding: chunked\r\n/i) {
        my $body = '';

        while (1) {
            $failed = $read->(qr/\r\n/);
            return $failed if $failed;

            my $length = hex $in =~ s/\r\n//r;

            $failed = $read->(undef, $length + 2);
            return $failed if $failed;

            return "$status $body" if $length == 0;

            $body .= substr $in, 0, $length;
        }
    }

    my $length = $bodyless ? 0
                 : $Head =~ /\r\nContent-Length: (\d+)\r\n/i ? $1 : 0;

    $failed = $read->(undef, $length);
    return $failed // "$status $in";
}


# --- HTTP/2 ---------------------------------------------------------------

# curl takes an answer that comes before the end of its body for an error, and
# does not let the frames be chosen.

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

# stream, bytes; true: they are the last
sub data { frame(0, $_[2] ? 1 : 0, $_[0], $_[1]) }

sub end { data($_[0], '', 1) }

# the caller has lost interest
sub reset_stream { frame(3, 0, $_[0], pack('N', 8)) }

# $end: there is no body.  undef: there is no such header.
sub headers {
    my ($stream, $method, $path, $end, @header) = @_;

    my @all = (':method' => $method, ':scheme' => 'http', ':path' => $path,
               ':authority' => 'x', @header);
    my $block = '';

    # a length of 127 or more takes more than a byte
    my $string = sub {
        my $n = length $_[0];
        return pack('C', $n) . $_[0] if $n < 127;

        my ($rest, $bytes) = ($n - 127, '');
        for (; $rest > 127; $rest >>= 7) {
            $bytes .= pack 'C', $rest & 127 | 128;
        }

        return pack('C', 127) . $bytes . pack('C', $rest) . $_[0];
    };

    while (my ($name, $value) = splice @all, 0, 2) {
        next if !defined $value;
        $block .= "\0" . $string->(lc $name) . $string->($value);
    }

    return frame(1, $end ? 5 : 4, $stream, $block);
}

sub dial2 {
    my $socket = dial(@_);
    put($socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''));
    return $socket;
}

# As answer(), of one stream; without $Head.
sub answer2 {
    my ($socket, $wanted) = @_;
    my ($status, $body) = ('', '');

    my $get = sub {
        my ($length, $in) = ($_[0], '');

        while (length $in < $length) {
            return if !IO::Select->new($socket)->can_read($Patience)
                      || !sysread $socket, $in, $length - length $in,
                                  length $in;
        }

        return $in;
    };

    while (defined(my $head = $get->(9))) {
        my ($length, $type, $flags, $stream) = unpack 'NCCN', "\0$head";
        my $payload = $get->($length) // last;

        return 'closed' if $type == 7;
        next if $stream != $wanted;
        return "$status $body, then reset"
            if $type == 3 && unpack('N', $payload) != 0;

        if ($type == 1) {
            # the status is first, but for a change of the table's size
            $payload =~ s/^[\x20-\x3f]//;
            $status = $payload =~ /^[\x08\x48]\x03(...)/s ? $1
                      : {8 => 200, 9 => 204, 12 => 400, 13 => 404,
                         14 => 500}
                        ->{ord($payload) & 0x7f};
        }

        $body .= $payload if $type == 0;

        return "$status $body" if $flags & 1;
    }

    return 'closed';
}

1;
