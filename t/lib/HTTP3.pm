package HTTP3;

# A client of HTTP/3 (RFC 9114) that lets a test choose what is sent when, as
# HTTPClient.pm does for HTTP/1.1 and HTTP/2.
#
#     my $http = HTTP3->new(port => NginxProcess::port(0));
#
#     is($http->answer($http->request('POST', '/t', '{}', 'X-Secret' => 's')),
#        '200 done', 'it is taken');
#
#     my $id = $http->head('POST', '/t', 'X-Secret' => 's');
#     $http->put($id, '{');
#     $http->put($id, '}');
#     $http->end($id);
#     is($http->answer($id), '200 done', 'so are pieces without a length');
#
# A connection takes any number of requests, also at the same time; each call
# names the one that it is about by what head() or request() has returned.

use strict;
use warnings;

use QUIC qw(varint take_varint);

# Types of frames, and errors
use constant {DATA => 0, HEADERS => 1, SETTINGS => 4, GOAWAY => 7,
              NO_ERROR => 0x100, REQUEST_CANCELLED => 0x10c};


# port: the first of the test's ports, unless named; patience: seconds
sub new {
    my ($class, %with) = @_;

    my $self = bless {
        quic => QUIC->new(port => $ENV{TEST_NGINX_SERVER_PORT}, alpn => 'h3',
                          patience => $ENV{WEBHOOK_TEST_MEMCHECK} ? 100 : 10,
                          %with),
        answers => {},
    }, $class;

    # The control stream; there is nothing to be said of a table that is not
    # used.
    my $control = $self->{quic}->open(1);
    $self->{quic}->write($control, varint(0) . frame(SETTINGS, ''));

    return $self;
}


# --- requests -------------------------------------------------------------

sub frame { varint($_[0]) . varint(length $_[1]) . $_[1] }

# An integer after so many bits that are taken by the first byte's $bits
# (RFC 7541, section 5.1)
sub prefixed {
    my ($bits, $prefix, $n) = @_;
    my $limit = (1 << $prefix) - 1;

    return pack 'C', $bits | $n if $n < $limit;

    my $text = pack 'C', $bits | $limit;

    for ($n -= $limit; $n > 127; $n >>= 7) {
        $text .= pack 'C', $n & 127 | 128;
    }

    return $text . pack 'C', $n;
}

# A field line with a literal name, in the order of RFC 9204, section 4.5.6
sub line { prefixed(0x20, 3, length $_[0]) . $_[0]
           . prefixed(0, 7, length $_[1]) . $_[1] }

# undef: there is no such header; a list: so many.
sub head_frame {
    my ($method, $path, @header) = @_;

    my @all = (':method' => $method, ':scheme' => 'https', ':path' => $path,
               ':authority' => 'x', @header);
    my $block = "\0\0";

    while (my ($name, $value) = splice @all, 0, 2) {
        next if !defined $value;
        $block .= line(lc $name, $_) for ref $value ? @$value : $value;
    }

    return frame(HEADERS, $block);
}

# Begins a request that has a body.
sub head {
    my $self = shift;
    my $id = $self->{quic}->open;

    $self->{quic}->write($id, head_frame(@_));
    return $id;
}

# A part of the body, in a frame of its own; returns false if the server has
# no use for it.
sub put { my ($self, $id, $data) = @_;
          $self->{quic}->write($id, frame(DATA, $data)) }

sub end { my ($self, $id) = @_; $self->{quic}->write($id, '', 1) }

# The caller has lost interest.
sub cancel {
    my ($self, $id) = @_;

    $self->{quic}->reset($id, REQUEST_CANCELLED);
    $self->{quic}->control(5, $id, REQUEST_CANCELLED);
    $self->{quic}->flush;
}

# All of a request, with a Content-Length unless the body is undef.
sub request {
    my ($self, $method, $path, $body, @header) = @_;
    my $id = $self->{quic}->open;

    unshift @header, 'Content-Length' => length $body if defined $body;

    $self->{quic}->write($id, head_frame($method, $path, @header)
                              . (defined $body ? frame(DATA, $body) : ''), 1);
    return $id;
}

sub close { $_[0]{quic}->close(NO_ERROR) }


# --- answers --------------------------------------------------------------

# Status and body; "closed" if there is no connection any more, "silent" if
# nothing comes.  What the server breaks off has ", then reset" at its end.

sub answer {
    my ($self, $id) = @_;
    my $stream = $self->{quic}->stream($id);

    my $complete = $self->{quic}->wait(sub {
        return $stream->{fin} || defined $stream->{reset};
    });

    return $self->{quic}{closed} ? 'closed' : 'silent' if !$complete;

    my ($in, $body, %header) = (delete $stream->{in}, '');

    while ($in ne '') {
        my ($type, $length) = map { take_varint(\$in) } 1 .. 2;

        last if ($length // 1 << 62) > length $in;

        my $payload = substr $in, 0, $length, '';

        $body .= $payload if $type == DATA;
        %header = fields($payload) if $type == HEADERS;
    }

    $self->{headers}{$id} = \%header;

    my $answer = ($header{':status'} // '') . " $body";

    return "$answer, then reset" if defined $stream->{reset};

    die "a body of another length than $header{'content-length'}\n"
        if length $body != ($header{'content-length'} // length $body);

    return $answer;
}

# The headers of an answer that was read, by their names in lower case; of one
# that comes several times, the values are joined by commas.
sub headers { my ($self, $id) = @_; $self->{headers}{$id} }

# Whether the server takes no more requests on this connection, as it says on
# its control stream; waits for that if told how long.
sub goaway {
    my ($self, $patience) = @_;
    my $streams = $self->{quic}{streams};

    return $self->{quic}->wait(sub {
        for my $id (grep { ($_ & 3) == 3 } keys %$streams) {
            my $in = $streams->{$id}{in};
            my $kind = take_varint(\$in) // next;

            while ($kind == 0 && $in ne '') {
                my ($type, $length) = map { take_varint(\$in) } 1 .. 2;

                return 1 if ($type // 0) == GOAWAY;
                last if ($length // 1 << 62) > length $in;
                substr $in, 0, $length, '';
            }
        }

        return 0;
    }, $patience // 0);
}


# --- QPACK ----------------------------------------------------------------

# What nginx uses of the static table (RFC 9204, appendix A).  For all else it
# has literal names; a dynamic table needs a client's consent.

my %Static = (
    4 => ['content-length', 0],
    6 => ['date', ''],
    10 => ['last-modified', ''],
    12 => ['location', ''],
    25 => [':status', 200],
    53 => ['content-type', 'text/plain'],
    59 => ['vary', 'accept-encoding'],
    92 => ['server', ''],
);

sub fields {
    my $in = shift;
    my %header;

    substr $in, 0, 2, '';

    my $integer = sub {
        my $prefix = shift;
        my $mask = (1 << $prefix) - 1;
        my $n = ord(substr $in, 0, 1, '') & $mask;

        return $n if $n < $mask;

        for (my $shift = 0; ; $shift += 7) {
            my $byte = ord substr $in, 0, 1, '';
            $n += ($byte & 127) << $shift;
            return $n if $byte < 128;
        }
    };

    # The bit above the length says whether it is in Huffman's code.
    my $string = sub {
        my $prefix = shift;
        my $coded = ord($in) & 1 << $prefix;
        my $text = substr $in, 0, $integer->($prefix), '';
        return $coded ? huffman($text) : $text;
    };

    my $static = sub {
        my $index = $integer->(shift);
        return $Static{$index} // die "entry $index of the static table\n";
    };

    while ($in ne '') {
        my $first = ord $in;
        my ($name, $value);

        if (($first & 0xc0) == 0xc0) {
            ($name, $value) = @{$static->(6)};

        } elsif (($first & 0xd0) == 0x50) {
            $name = $static->(4)->[0];
            $value = $string->(7);

        } elsif (($first & 0xe0) == 0x20) {
            $name = $string->(3);
            $value = $string->(7);

        } else {
            die sprintf "a field line that begins with 0x%x\n", $first;
        }

        $header{$name} = defined $header{$name} ? "$header{$name}, $value"
                                                : $value;
    }

    return %header;
}

# Huffman's code (RFC 7541, appendix B) is canonical: codes of a length are
# consecutive, in the order of their symbols, and the shorter ones come first.
# So the lengths are all there is to it.  Here the printable symbols of each;
# a header of an answer has no others.

my %Lengths = (
    5 => '012aceiost',
    6 => ' %-./3456789=A_bdfghlmnpru',
    7 => ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz',
    8 => '&*,;XZ',
    10 => '!"()?',
    11 => "'+|",
    12 => '#>',
    13 => "\0\$@[]~",
    14 => '^}',
    15 => '<`{',
    19 => '\\',
);

my %Symbol = do {
    my ($code, %symbol) = (0);

    for my $length (5 .. 19) {
        for (split //, $Lengths{$length} // '') {
            $symbol{sprintf "%0${length}b", $code++} = $_;
        }

        $code <<= 1;
    }

    %symbol;
};

sub huffman {
    my $bits = unpack 'B*', shift;
    my ($text, $code) = ('', '');

    for my $bit (split //, $bits) {
        $code .= $bit;

        if (defined(my $symbol = $Symbol{$code})) {
            $text .= $symbol;
            $code = '';
        }
    }

    # The last byte is filled up with ones.
    die "a header in a code that is not known\n" if $code !~ /^1{0,7}$/;

    return $text;
}

1;
