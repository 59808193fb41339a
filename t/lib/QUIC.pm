package QUIC;

# The client's end of a QUIC connection, of version 1: RFC 9000 (packets and
# frames), RFC 9001 (protection) and what RFC 8446 has to say of TLS 1.3.  It
# knows nothing of what is sent over it: see HTTP3.pm for that.
#
#     my $quic = QUIC->new(port => 8443, alpn => 'h3');
#     my $id = $quic->open;
#     $quic->write($id, 'a request', 1);
#     $quic->wait(sub { $quic->stream($id)->{fin} });
#     print $quic->stream($id)->{in};
#
# - The server is one on 127.0.0.1, which the test has started: its certificate
#   is not checked.  One cipher is offered, AES-128-GCM, and one group, X25519.
# - Nothing happens between calls.  A packet that is lost, in either direction,
#   is sent again during the next call that waits.
# - What the server may send is unlimited.  What the server allows the client to
#   send is observed, and write() waits for it.
# - Whatever the server does that the client can't make sense of is a die().
#
# CryptX is Debian's libcryptx-perl.

use strict;
use warnings;

use Crypt::AuthEnc::GCM qw(gcm_decrypt_verify gcm_encrypt_authenticate);
use Crypt::Cipher::AES ();
use Crypt::Digest::SHA256 qw(sha256);
use Crypt::KeyDerivation qw(hkdf_expand hkdf_extract);
use Crypt::Mac::HMAC qw(hmac);
use Crypt::PK::X25519 ();
use Crypt::PRNG qw(random_bytes);
use Exporter qw(import);
use IO::Select ();
use IO::Socket::INET ();
use List::Util qw(max min);
use Socket qw(MSG_DONTWAIT);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(varint take_varint);

# Packet number spaces, and levels of encryption
use constant {INITIAL => 0, HANDSHAKE => 1, APPLICATION => 2};

# Bytes of a frame's data; packets that are under way at the same time, so
# many that they fit into a socket's buffer
use constant {PIECE => 1100, WINDOW => 32};

# Seconds until a packet that was not acknowledged is sent again; twice as
# long each time that nothing comes back
use constant {PATIENCE => 0.3, MAX_PATIENCE => 2};

# What the key of the first packets is made of (RFC 9001, section 5.2)
my $Salt = pack 'H*', '38762cf7f55934b34d179ae6a4c80cadccbb7f0a';

my $Zeros = "\0" x 32;


# port; alpn: the protocol; patience: seconds to wait for the server, wherever
# it is waited for.  Returns when the handshake is complete.
sub new {
    my ($class, %self) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'udp',
                                       PeerAddr => '127.0.0.1',
                                       PeerPort => $self{port})
        or die "connect: $!";

    my $self = bless {
        patience => 10,
        %self,
        socket => $socket,
        select => IO::Select->new($socket),
        pto => PATIENCE,
        to => random_bytes(8),
        spaces => [map { {next => 0, largest => -1, got => [], due => 0,
                          sent => {}, acked => -1, out => [], crypto_sent => 0,
                          crypto => new_stream()} } 0 .. 2],
        transcript => '',
        streams => {},
        opened => [0, 0],
        may_open => [0, 0],
        data_sent => 0,
        may_send => 0,
        may_send_stream => [0, 0],
    }, $class;

    my $secret = hkdf_extract($self->{to}, $Salt, 'SHA256');

    $self->set_keys(INITIAL, map { expand_label($secret, $_, '', 32) }
                                 'client in', 'server in');
    $self->client_hello;

    $self->wait(sub { $self->{complete} })
        or die 'no handshake: ', $self->{closed} // 'silence', "\n";

    return $self;
}


# --- integers -------------------------------------------------------------

sub varint {
    my $n = shift;

    return $n < 1 << 6 ? pack 'C', $n
           : $n < 1 << 14 ? pack 'n', $n | 1 << 14
           : $n < 1 << 30 ? pack 'N', $n | 2 << 30
           : pack 'Q>', $n | 3 << 62;
}

# Takes one from the beginning of a text; undef if it is not all there.
sub take_varint {
    my $in = shift;

    return if $$in eq '';

    my $length = 1 << (ord($$in) >> 6);
    return if length $$in < $length;

    my $bytes = substr $$in, 0, $length, '';
    return unpack('Q>', "\0" x (8 - $length) . $bytes)
           & (1 << 8 * $length - 2) - 1;
}


# --- TLS ------------------------------------------------------------------

sub expand_label {
    my ($secret, $label, $context, $length) = @_;

    return hkdf_expand($secret, 'SHA256', $length,
                       pack('n C/a* C/a*', $length, "tls13 $label", $context));
}

# Sets a level's keys, from the secrets of what is sent and of what is received.
sub set_keys {
    my ($self, $level, @secrets) = @_;

    @{$self->{spaces}[$level]}{qw(send receive)} = map {
        my $secret = $_;
        my ($key, $iv, $hp)
            = map { expand_label($secret, "quic $$_[0]", '', $$_[1]) }
                  ['key', 16], ['iv', 12], ['hp', 16];
        {key => $key, iv => $iv, hp => Crypt::Cipher::AES->new($hp)}
    } @secrets;
}

# Nothing is sent or read at this level any more.
sub discard {
    my ($self, $level) = @_;
    my $space = $self->{spaces}[$level];

    delete @$space{qw(send receive)};
    @$space{qw(due sent out)} = (0, {}, []);
}

sub message {
    my ($self, $level, $type, $body) = @_;
    my $space = $self->{spaces}[$level];
    my $message = pack('C', $type) . substr(pack('N', length $body), 1) . $body;

    $self->{transcript} .= $message;

    push @{$space->{out}}, varint(6) . varint($space->{crypto_sent})
                           . varint(length $message) . $message;
    $space->{crypto_sent} += length $message;
}

sub client_hello {
    my $self = shift;

    $self->{x25519} = Crypt::PK::X25519->new->generate_key;

    # Of the client's connection id there is nothing to say but that it is
    # empty (15).  The others are how long it may be silent, in milliseconds
    # (1), and how much the server may send: in all (4), on a stream of the
    # client's (5), on one of its own (6, 7), on how many of them (8, 9).

    my $parameters = join '', map { varint($$_[0]) . pack('C/a*', $$_[1]) }
                              [15, ''], [1, varint(600_000)],
                              (map { [$_, varint(1 << 40)] } 4 .. 7),
                              [8, varint(0)], [9, varint(100)];

    my $share = $self->{x25519}->export_key_raw('public');

    my $extensions = join '', map { pack 'n n/a*', @$_ }
        [0, pack('n/a*', pack 'C n/a*', 0, 'localhost')],
        [10, pack('n/a*', pack 'n', 0x1d)],
        [13, pack('n/a*', pack 'n*', 0x0403, 0x0804, 0x0805, 0x0806)],
        [16, pack('n/a*', pack 'C/a*', $self->{alpn})],
        [43, pack('C/a*', pack 'n', 0x0304)],
        [51, pack('n/a*', pack 'n n/a*', 0x1d, $share)],
        [57, $parameters];

    $self->message(INITIAL, 1,
        pack 'n a32 C/a* n/a* C/a* n/a*', 0x0303, random_bytes(32), '',
             pack('n', 0x1301), "\0", $extensions);
}

# All messages of the server's that are there, and complete.
sub handshake {
    my ($self, $level) = @_;
    my $in = \$self->{spaces}[$level]{crypto}{in};

    while (length $$in >= 4) {
        my ($type, $length) = unpack 'C N', substr($$in, 0, 1) . "\0"
                                            . substr $$in, 1, 3;
        last if length $$in < 4 + $length;

        my $message = substr $$in, 0, 4 + $length, '';
        my $body = substr $message, 4;

        # session tickets
        next if $level == APPLICATION;

        $self->finished($body) if $type == 20;
        $self->{transcript} .= $message;

        $self->server_hello($body) if $type == 2;
        $self->extensions($body) if $type == 8;
        $self->complete if $type == 20;
    }
}

sub server_hello {
    my ($self, $body) = @_;

    my (undef, undef, undef, $cipher, undef, $extensions)
        = unpack 'n a32 C/a n C n/a', $body;
    my %extension = unpack '(n n/a)*', $extensions;
    my ($group, $share) = unpack 'n n/a', $extension{51} // '';

    die "another cipher or group than was offered\n"
        if $cipher != 0x1301 || ($group // 0) != 0x1d;

    my $theirs = Crypt::PK::X25519->new->import_key_raw($share, 'public');
    my $shared = $self->{x25519}->shared_secret($theirs);
    my $hash = sha256($self->{transcript});

    my $next = sub {
        my ($secret, $input) = @_;
        my $salt = expand_label($secret, 'derived', sha256(''), 32);
        return hkdf_extract($input, $salt, 'SHA256');
    };

    my $secret = $next->(hkdf_extract($Zeros, $Zeros, 'SHA256'), $shared);

    $self->{master} = $next->($secret, $Zeros);
    $self->{traffic} = [map { expand_label($secret, $_, $hash, 32) }
                            'c hs traffic', 's hs traffic'];
    $self->set_keys(HANDSHAKE, @{$self->{traffic}});
}

sub extensions {
    my ($self, $body) = @_;
    my %extension = unpack '(n n/a)*', unpack 'n/a', $body;

    die "the server does not speak $self->{alpn}\n"
        if ($extension{16} // '') ne pack 'n/a*', pack 'C/a*', $self->{alpn};

    my $in = $extension{57} // die "the server does not speak QUIC\n";
    my %parameter;

    while ($in ne '') {
        my $id = take_varint(\$in);
        my $value = substr $in, 0, take_varint(\$in), '';
        $parameter{$id} = take_varint(\$value);
    }

    # As above, with the server in the client's place
    $self->{may_send} = $parameter{4} // 0;
    $self->{may_send_stream} = [map { $parameter{$_} // 0 } 6, 7];
    $self->{may_open} = [map { $parameter{$_} // 0 } 8, 9];
}

sub verification {
    my ($self, $secret) = @_;
    return hmac('SHA256', expand_label($secret, 'finished', '', 32),
                sha256($self->{transcript}));
}

sub finished {
    my ($self, $body) = @_;

    die "the server's handshake has been tampered with\n"
        if $body ne $self->verification($self->{traffic}[1]);
}

sub complete {
    my $self = shift;
    my $hash = sha256($self->{transcript});

    my @secrets = map { expand_label($self->{master}, $_, $hash, 32) }
                      'c ap traffic', 's ap traffic';

    $self->set_keys(APPLICATION, @secrets);
    $self->message(HANDSHAKE, 20, $self->verification($self->{traffic}[0]));
    $self->discard(INITIAL);
    $self->{complete} = 1;
}


# --- packets --------------------------------------------------------------

sub nonce {
    my ($keys, $number) = @_;
    return $keys->{iv} ^ "\0\0\0\0" . pack 'Q>', $number;
}

# What a packet's first byte and its number are hidden by, for the first byte
# cut to what is hidden of it.  CryptX does not take a substr() for a text.
sub mask {
    my ($keys, $level, $sample) = @_;
    my $mask = $keys->{hp}->encrypt($sample);

    substr($mask, 0, 1) &= $level == APPLICATION ? "\x1f" : "\x0f";
    return $mask;
}

# Sends a packet with these frames, which are sent again if they are lost.
# Packet numbers have always four bytes, so that what is sampled for their
# protection is the beginning of what is encrypted.

sub send_packet {
    my ($self, $level, $payload, $keep) = @_;
    my $space = $self->{spaces}[$level];
    my $keys = $space->{send};
    my $number = $space->{next}++;
    my $header;

    if ($level == APPLICATION) {
        $header = "\x43$self->{to}";

    } else {
        # A server does not answer a first packet that is smaller.
        $payload .= "\0" x max(0, 1170 - length $payload) if $level == INITIAL;

        $header = pack('C N C/a* C', $level == INITIAL ? 0xc3 : 0xe3, 1,
                       $self->{to}, 0)
                  . ($level == INITIAL ? varint(0) : '')
                  . pack 'n', 1 << 14 | 4 + 16 + length $payload;
    }

    $header .= pack 'N', $number;

    my $text = join '', gcm_encrypt_authenticate('AES', $keys->{key},
                                                 nonce($keys, $number),
                                                 $header, $payload);

    my $mask = mask($keys, $level, substr $text, 0, 16);

    substr($header, 0, 1) ^= substr $mask, 0, 1;
    substr($header, -4) ^= substr $mask, 1, 4;

    # One that the kernel does not take is a lost one.
    send $self->{socket}, $header . $text, 0;

    $space->{sent}{$number} = {time => time, frames => $payload} if $keep;
}

# Each packet of a datagram; those that are not for this connection, or come
# before or after their time, are dropped.

sub datagram {
    my ($self, $in) = @_;

    while ($in ne '') {
        my $first = ord $in;
        my ($level, $packet, $start) = (APPLICATION, $in, 1);

        if ($first & 0x80) {
            my ($version, $to, $from) = unpack 'x N C/a C/a', $in;
            my $rest = substr $in, 7 + length($to) + length $from;
            my $type = $first >> 4 & 3;

            die "a packet of another version or kind\n"
                if $version != 1 || $type & 1;

            $level = $type == 0 ? INITIAL : HANDSHAKE;
            substr $rest, 0, take_varint(\$rest), '' if $level == INITIAL;

            my $length = take_varint(\$rest);

            $start = length($in) - length $rest;
            $packet = substr $in, 0, $start + $length;
            $self->{to} = $from;
        }

        substr $in, 0, length $packet, '';

        my $space = $self->{spaces}[$level];
        my $keys = $space->{receive} or next;

        next if length $packet < $start + 20;

        my $mask = mask($keys, $level, substr $packet, $start + 4, 16);

        substr($packet, 0, 1) ^= substr $mask, 0, 1;

        my $n = (ord($packet) & 3) + 1;
        substr($packet, $start, $n) ^= substr $mask, 1, $n;

        my $header = substr $packet, 0, $start + $n, '';
        my $number = unpack 'N', "\0" x (4 - $n) . substr $header, $start;

        # The bytes that are left out are those of the number nearest to the
        # next one.
        my $span = 1 << 8 * $n;
        my $next = $space->{largest} + 1;
        $number += $span * int(($next - $number + $span / 2) / $span)
            if $number < $next;

        my $tag = substr $packet, -16, 16, '';
        my $payload = gcm_decrypt_verify('AES', $keys->{key},
                                         nonce($keys, $number), $header,
                                         $packet, $tag);
        next if !defined $payload || !got($space, $number);

        $self->frames($level, $payload);
    }
}

# Remembers the number for the next acknowledgement; false if it was known.
sub got {
    my ($space, $number) = @_;
    my $got = $space->{got};

    return if grep { $number >= $$_[0] && $number <= $$_[1] } @$got;

    $space->{largest} = max($space->{largest}, $number);

    # Ranges, the last one first, joined where nothing is between them
    @$got = sort { $$b[0] <=> $$a[0] } @$got, [$number, $number];

    for (my $i = $#$got; $i > 0; $i--) {
        if ($$got[$i][1] + 1 == $$got[$i - 1][0]) {
            $$got[$i - 1][0] = $$got[$i][0];
            splice @$got, $i, 1;
        }
    }

    $#$got = 31 if $#$got > 31;
    return 1;
}

sub acknowledgement {
    my $space = shift;
    my ($first, @others) = @{$space->{got}};
    my $frame = varint(2) . varint($$first[1]) . varint(0)
                . varint(scalar @others) . varint($$first[1] - $$first[0]);
    my $low = $$first[0];

    for (@others) {
        $frame .= varint($low - $$_[1] - 2) . varint($$_[1] - $$_[0]);
        $low = $$_[0];
    }

    return $frame;
}

sub acknowledged {
    my ($self, $space, $largest, @ranges) = @_;
    my $sent = $space->{sent};
    my $low = $largest + 2;

    while (my ($gap, $length) = splice @ranges, 0, 2) {
        my $high = $low - $gap - 2;

        $low = $high - $length;

        for (grep { $_ >= $low && $_ <= $high } keys %$sent) {
            delete $sent->{$_};
            $self->{pto} = PATIENCE;
        }
    }

    $space->{acked} = max($space->{acked}, $largest);
    $self->lost($space, grep { $_ <= $space->{acked} - 3 } keys %$sent);
}

sub lost {
    my ($self, $space, @numbers) = @_;

    push @{$space->{out}}, map { delete($space->{sent}{$_})->{frames} }
                               sort { $a <=> $b } @numbers;
}


# --- frames ---------------------------------------------------------------

# How many integers there are in those of which nothing has to be known: pings,
# what blocks the server, and connection ids that are withdrawn
my %Ignored = (0x01 => 0, 0x14 => 1, 0x15 => 2, 0x16 => 1, 0x17 => 1,
               0x19 => 1);

sub frames {
    my ($self, $level, $in) = @_;
    my $space = $self->{spaces}[$level];

    my $integer = sub { take_varint(\$in) // die "a frame is cut off\n" };
    my $bytes = sub { substr $in, 0, $_[0], '' };

    while ($in =~ s/^\0+//, $in ne '') {
        my $type = $integer->();

        $space->{due} = 1 if $type != 2 && $type != 3 && $type >> 1 != 0x0e;

        if ($type == 2 || $type == 3) {
            my ($largest, undef, $n) = map { $integer->() } 1 .. 3;
            my @ranges = (0, map { $integer->() } 0 .. 2 * $n);

            $integer->() for 1 .. ($type == 3 ? 3 : 0);
            $self->acknowledged($space, $largest, @ranges);

        } elsif ($type == 4) {
            my ($id, $error) = map { $integer->() } 1 .. 3;
            $self->stream($id)->{reset} = $error;

        } elsif ($type == 5) {
            my ($id, $error) = map { $integer->() } 1 .. 2;
            $self->reset($id, $error);

        } elsif ($type == 6) {
            my $offset = $integer->();
            gather($space->{crypto}, $offset, $bytes->($integer->()));
            $self->handshake($level);

        } elsif ($type == 7) {
            $bytes->($integer->());

        } elsif ($type >> 3 == 1) {
            my $stream = $self->stream($integer->());
            my $offset = $type & 4 ? $integer->() : 0;
            my $length = $type & 2 ? $integer->() : length $in;

            $stream->{size} = $offset + $length if $type & 1;
            gather($stream, $offset, $bytes->($length));

        } elsif ($type == 0x10) {
            $self->{may_send} = max($self->{may_send}, $integer->());

        } elsif ($type == 0x11) {
            my $stream = $self->stream($integer->());
            $stream->{may_send} = max($stream->{may_send}, $integer->());

        } elsif ($type == 0x12 || $type == 0x13) {
            my $may = \$self->{may_open}[$type - 0x12];
            $$may = max($$may, $integer->());

        } elsif ($type == 0x18) {
            $integer->() for 1 .. 2;
            $bytes->(ord($bytes->(1)) + 16);

        } elsif ($type == 0x1a) {
            push @{$space->{out}}, varint(0x1b) . $bytes->(8);

        } elsif ($type == 0x1c || $type == 0x1d) {
            my $error = $integer->();
            $integer->() if $type == 0x1c;
            $self->{closed} = sprintf 'closed with 0x%x %s', $error,
                                      $bytes->($integer->());

        } elsif ($type == 0x1e) {
            $self->discard(HANDSHAKE);

        } else {
            my $n = $Ignored{$type} // die sprintf "odd frame 0x%x\n", $type;
            $integer->() for 1 .. $n;
        }
    }
}


# --- streams --------------------------------------------------------------

sub new_stream {
    return {in => '', length => 0, pieces => {}, out => '', sent => 0};
}

# What is known of a stream:
#
#     in      bytes that have come, without gaps; whoever reads them takes
#             them out
#     fin     true when all of them have
#     reset   the error with which the server broke it off
#     stop    the error with which the server, or reset(), ended what is sent

sub stream {
    my ($self, $id) = @_;

    return $self->{streams}{$id}
           //= {%{new_stream()},
                may_send => $self->{may_send_stream}[$id >> 1 & 1]};
}

sub gather {
    my ($stream, $offset, $data) = @_;
    my $pieces = $stream->{pieces};

    if (length $data > length($pieces->{$offset} // '')) {
        $pieces->{$offset} = $data;
    }

    for my $at (sort { $a <=> $b } keys %$pieces) {
        last if $at > $stream->{length};

        my $piece = delete $pieces->{$at};
        my $known = $stream->{length} - $at;

        if ($known < length $piece) {
            $stream->{in} .= substr $piece, $known;
            $stream->{length} = $at + length $piece;
        }
    }

    $stream->{fin} = 1 if $stream->{length} == ($stream->{size} // -1);
}

# Opens a stream, in one direction only if told so, and returns its id.
sub open {
    my ($self, $uni) = @_;
    my $kind = $uni ? 1 : 0;

    $self->wait(sub { $self->{opened}[$kind] < $self->{may_open}[$kind] })
        or die "no stream can be opened\n";

    return $self->{opened}[$kind]++ << 2 | $kind << 1;
}

# Returns when all has been sent, true unless the server has no use for it.
sub write {
    my ($self, $id, $data, $fin) = @_;
    my $stream = $self->stream($id);

    return if defined $stream->{stop};

    $stream->{out} .= $data;
    $stream->{ending} = 1 if $fin;

    return $self->wait(sub { $stream->{out} eq '' })
           && !defined $stream->{stop};
}

sub reset {
    my ($self, $id, $error) = @_;
    my $stream = $self->stream($id);

    return if defined $stream->{stop} || $stream->{ended};

    $stream->{stop} = $error;
    $stream->{out} = '';
    delete $stream->{ending};

    $self->control(4, $id, $error, $stream->{sent});
}

# A frame of integers
sub control {
    my ($self, @integers) = @_;
    push @{$self->{spaces}[APPLICATION]{out}}, join '', map { varint($_) }
                                                        @integers;
}

sub close {
    my ($self, $error) = @_;

    return if $self->{closed};

    $self->send_packet(APPLICATION,
                       varint(0x1d) . varint($error) . varint(0));
    $self->{closed} = 'closed by the client';
}


# --- sending and waiting --------------------------------------------------

sub flush {
    my $self = shift;
    my $sent = $self->{spaces}[APPLICATION]{sent};

    for my $level (INITIAL, HANDSHAKE, APPLICATION) {
        my $space = $self->{spaces}[$level];

        next if !$space->{send};

        if ($space->{due}) {
            $self->send_packet($level, acknowledgement($space));
            $space->{due} = 0;
        }

        while (@{$space->{out}} && keys %{$space->{sent}} < WINDOW) {
            $self->send_packet($level, shift @{$space->{out}}, 1);
        }
    }

    my $streams = $self->{streams};

    for my $id (sort { $a <=> $b } keys %$streams) {
        my $stream = $streams->{$id};

        while (keys %$sent < WINDOW) {
            my $n = min(PIECE, length $stream->{out},
                        $stream->{may_send} - $stream->{sent},
                        $self->{may_send} - $self->{data_sent});
            my $fin = $stream->{ending} && $n == length $stream->{out};

            last if $n == 0 && !$fin;

            $self->send_packet(APPLICATION,
                varint($fin ? 0x0f : 0x0e) . varint($id)
                . varint($stream->{sent}) . varint($n)
                . substr($stream->{out}, 0, $n, ''), 1);

            $stream->{sent} += $n;
            $self->{data_sent} += $n;

            if ($fin) {
                delete $stream->{ending};
                $stream->{ended} = 1;
            }
        }
    }
}

# Sends and receives until it is so, and returns true; false if the connection
# has been closed before, or nobody wants to wait any longer.

sub wait {
    my ($self, $done, $patience) = @_;
    my $end = time + ($patience // $self->{patience});

    while (1) {
        $self->flush;

        return 1 if $done->();
        return 0 if $self->{closed} || time >= $end;

        my @sent = map { values %{$_->{sent}} } @{$self->{spaces}};
        my $again = min($end, map { $_->{time} + $self->{pto} } @sent);

        if ($self->{select}->can_read(max(0, $again - time))) {
            $self->receive;
            next;
        }

        next if time >= $end;

        for my $space (@{$self->{spaces}}) {
            $self->lost($space, keys %{$space->{sent}});
        }

        $self->{pto} = min(2 * $self->{pto}, MAX_PATIENCE);
    }
}

sub receive {
    my $self = shift;
    my $socket = $self->{socket};
    my $in;

    while (defined recv $socket, $in, 65536, MSG_DONTWAIT) {
        $self->datagram($in);
    }

    $self->{closed} = 'nobody listens' if $!{ECONNREFUSED};
}

1;
