use lib 't/lib';
use WebhookTest 'no_plan';

# Public keys of a "webhook_scheme": Ed25519, ECDSA and RSA, by CryptX and by
# the openssl command; keys that fit and those that don't.

use Crypt::PK::ECC ();
use Crypt::PK::Ed25519 ();
use Crypt::PK::RSA ();
use File::Temp qw(tempdir);
use HTTPClient qw(dial put);
use MIME::Base64 qw(encode_base64);
use SignatureTest;

sub hex_of { unpack 'H*', $_[0] }
sub b64 { encode_base64($_[0], '') }

our @Ed = map { Crypt::PK::Ed25519->new->generate_key } 1 .. 3;
our @Ec = map { Crypt::PK::ECC->new->generate_key('secp256r1') } 1 .. 2;
our $Rsa = Crypt::PK::RSA->new->generate_key(256);
our $Small = Crypt::PK::RSA->new->generate_key(128);
our $Curve = Crypt::PK::ECC->new->generate_key('secp224r1');

sub raw { hex_of($_[0]->export_key_raw('public')) }
sub pem { $_[0]->export_key_pem($_[1] // 'public') }
sub rsa_pem { $_[0]->export_key_pem('public_x509') }

# A file of the block, without the empty lines that PEM does not need.
sub file { ">>> $_[0]\n" . join "\n", @_[1 .. $#_] }

sub scheme {
    my ($name, $digest, @lines) = @_;
    return "webhook_scheme $name {\n"
           . join('', map { "$_;\n" } "digest $digest", @lines) . "}\n";
}

our $Discord = 'signature X-Sig';
our $Timed = 'timestamp X-Time';
our $Content = 'content "$timestamp$body"';

our $Schemes = scheme('ed', 'ed25519', $Discord, $Timed, $Content, 'secret hex')
    . scheme('list', 'ed25519', 'signature X-Sig separator=,',
             'content "a${body}b"', 'secret hex')
    . scheme('ec', 'ecdsa-sha256', 'signature X-Sig encoding=base64', $Timed,
             $Content, 'secret base64')
    . scheme('rsa', 'rsa-sha256', 'signature X-Sig encoding=base64')
    . scheme('rsa512', 'rsa-sha512', 'signature X-Sig encoding=base64');

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Schemes
        . "map \$http_x_key \$key { default \$http_x_key; }\n"
        . ($block->http_config // ''));
});

no_shuffle();
repeat_each(1);
run_tests();

__DATA__

=== TEST 1: Ed25519: the whole message, from memory and from a file
--- config eval
::location('/ed/', 'webhook signed; webhook_signature ed ' . ::raw($::Ed[0])
                   . ' ' . uc(::raw($::Ed[1])) . ';')
. ::location('/ed-file/', 'webhook signed; client_body_buffer_size 8;'
                          . 'webhook_signature ed ' . ::raw($::Ed[0]) . ';')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $sign = sub {
        my ($n, $body) = @_;
        return ('X-Time' => $now,
                'X-Sig' => ::hex_of($::Ed[$n]->sign_message("$now$body")));
    };
    my $invalid = ::refused('X-Sig', 'invalid_signature');

    for my $uri ('/ed/', '/ed-file/') {
        ::ask($is, $uri,
            (map { ["a body of " . length $_, ::accepted($_), $_,
                    $sign->(0, $_)] } '', 'x', 'x' x 9, $::Large),
            ['another body', $invalid, 'y', $sign->(0, 'x')],
            ['the last byte', $invalid, substr($::Large, 0, -1) . 'x',
             $sign->(0, $::Large)],
            ['another key', $invalid, 'x', $sign->(2, 'x')],
            ['stale', ::refused('X-Sig', 'stale_signature'), 'x',
             'X-Time' => $now - 400, 'X-Sig' =>
             ::hex_of($::Ed[0]->sign_message($now - 400 . 'x'))]);

        my $socket = ::dial();
        ::put($socket, ::chunked($uri, ['abc', 'd', 'ef'],
                               $sign->(0, 'abcdef')));
        $is->(::answer($socket), ::accepted('abcdef'), "$uri in chunks");
    }

    ::ask($is, '/ed/', ['the second key', ::accepted('x'), 'x',
                        $sign->(1, 'x')]);

    # RFC 8032, section 5.1.7: S + L is the same signature to who does not look
    my $sig = $::Ed[0]->sign_message("${now}x");
    my @s = unpack 'C*', substr $sig, 32;
    my @order = unpack 'C*', pack 'H*', 'edd3f55c1a631258d69cf7a2def9de14'
                                        . '0' x 30 . '10';
    my $carry = 0;

    for my $i (0 .. 31) {
        $carry += $s[$i] + $order[$i];
        $s[$i] = $carry & 0xff;
        $carry >>= 8;
    }

    ::ask($is, '/ed/', map {
        my ($name, $text) = @$_;
        [$name, $invalid, 'x', 'X-Time' => $now, 'X-Sig' => $text]
    } (['malleable', ::hex_of(substr($sig, 0, 32)
                              . pack 'C*', @s)],
       ['of 63 bytes', ::hex_of(substr $sig, 0, 63)],
       ['of 65 bytes', ::hex_of($sig . "\0")],
       ['of zeros', '0' x 128],
       ['in base64', ::b64($sig)]));
}



=== TEST 2: of public keys, four signatures are looked at
--- config eval
::location('/list/', 'webhook signed; webhook_signature list '
                     . ::raw($::Ed[0]) . ';')
--- client eval
sub {
    my $is = shift;
    my $good = ::hex_of($::Ed[0]->sign_message('axb'));
    my $bad = ::hex_of($::Ed[1]->sign_message('axb'));
    my $invalid = ::refused('X-Sig', 'invalid_signature');

    ::ask($is, '/list/', map {
        my ($name, $right, $value) = @$_;
        [$name, $right ? ::accepted('x') : $invalid, 'x', 'X-Sig' => $value]
    } (['one', 1, $good],
       ['the fourth', 1, CORE::join ',', ($bad) x 3, $good],
       ['the fifth', 0, CORE::join ',', ($bad) x 4, $good],
       ['behind what is none', 1, CORE::join ',', ('no') x 60, $good]));
}



=== TEST 3: ECDSA, with a key of base64 and one of a file
--- config eval
::location('/ec/', 'webhook signed; webhook_signature ec '
                   . ::b64($::Ec[0]->export_key_der('public')) . ';')
. ::location('/pem/', 'webhook signed; webhook_signature ec '
                      . 'file=../html/keys.pem;')
--- user_files eval: ::file('keys.pem', map { ::pem($_) } @::Ec)
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $invalid = ::refused('X-Sig', 'invalid_signature');
    my @right = map { ::b64($_->sign_message("${now}x", 'SHA256')) } @::Ec;
    my $case = sub {
        my ($name, $answer, $text, $body) = @_;
        return [$name, $answer, $body // 'x', 'X-Time' => $now,
                'X-Sig' => $text];
    };

    ::ask($is, '/ec/', $case->('its key', ::accepted('x'), $right[0]),
          $case->('another one', $invalid, $right[1]),
          $case->('another body', $invalid, $right[0], 'y'),
          $case->('SHA-512', $invalid,
                  ::b64($::Ec[0]->sign_message("${now}x", 'SHA512'))),
          $case->('no DER', $invalid, ::b64('x' x 71)),
          $case->('more than DER', $invalid,
                  ::b64($::Ec[0]->sign_message("${now}x", 'SHA256') . 'x')),
          $case->('8 KB', $invalid, 'A' x 8192));

    ::ask($is, '/pem/', $case->('the first', ::accepted('x'), $right[0]),
          $case->('the second', ::accepted('x'), $right[1]));
}



=== TEST 4: RSA, as the openssl command signs
--- config eval
::location('/rsa/', 'webhook signed; webhook_signature rsa '
                    . 'file=../html/rsa.pem;')
. ::location('/rsa512/', 'webhook signed; webhook_signature rsa512 '
                         . '$key;')
--- user_files eval: ::file('rsa.pem', ::rsa_pem($::Rsa))
--- client eval
sub {
    my $is = shift;
    my $dir = ::tempdir(CLEANUP => 1);
    my $sign = sub {
        my ($digest) = @_;

        open my $out, '>', "$dir/key" or die $!;
        print {$out} ::pem($::Rsa, 'private');
        close $out or die $!;
        open $out, '>', "$dir/text" or die $!;
        print {$out} 'x';
        close $out or die $!;

        my $text = `openssl dgst -$digest -sign $dir/key $dir/text`;
        $? == 0 or die "openssl: $?";
        return ::b64($text);
    };
    my ($short, $long) = ($sign->('sha256'), $sign->('sha512'));
    my $key = ::rsa_pem($::Rsa) =~ s/\n//gr;
    my $invalid = ::refused('X-Sig', 'invalid_signature');

    ::ask($is, '/rsa/',
        ['SHA-256', ::accepted('x'), 'x', 'X-Sig' => $short],
        ['SHA-512', $invalid, 'x', 'X-Sig' => $long],
        ['another body', $invalid, 'y', 'X-Sig' => $short],
        ['PSS', $invalid, 'x', 'X-Sig' =>
         ::b64($::Rsa->sign_message('x', 'SHA256', 'pss'))],
        ['of zeros', $invalid, 'x', 'X-Sig' => ::b64("\0" x 256)]);

    ::ask($is, '/rsa512/',
        ['by a variable', ::accepted('x'), 'x', 'X-Sig' => $long,
         'X-Key' => $key],
        ['SHA-256', $invalid, 'x', 'X-Sig' => $short, 'X-Key' => $key],
        ['without a key', $invalid, 'x', 'X-Sig' => $long]);
}



=== TEST 5: a variable that is no key
--- config eval
::location('/ed/', 'webhook signed; webhook_signature ed $key;')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $sig = ::hex_of($::Ed[0]->sign_message("${now}x"));

    ::ask($is, '/ed/',
        ['it is', ::accepted('x'), 'x', 'X-Time' => $now, 'X-Sig' => $sig,
         'X-Key' => ::raw($::Ed[0])],
        map { [$_, ::refused('X-Sig', 'invalid_signature'), 'x',
               'X-Time' => $now, 'X-Sig' => $sig, 'X-Key' => $_] }
            '00', 'no hex', '0' x 4096);
}
--- error_log
the value of "$key" is not a secret of the scheme "ed"



=== TEST 6: a key of Ed25519 that is too short
--- config
    location /hook/ {
        webhook signed;
        webhook_signature ed 00112233;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a key that does not fit its scheme: the sender's public key is expected, as PEM in "file=", or in the encoding of the scheme's "secret" in \S+/conf/nginx\.conf:\d+$}



=== TEST 7: a private key
--- config
    location /hook/ {
        webhook signed;
        webhook_signature ed file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::pem($::Ed[0], 'private'))
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 8: a key of another type
--- config
    location /hook/ {
        webhook signed;
        webhook_signature ec file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::pem($::Ed[0]))
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 9: a short key of RSA
--- config
    location /hook/ {
        webhook signed;
        webhook_signature rsa file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::rsa_pem($::Small))
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 10: a curve that is too small
--- config
    location /hook/ {
        webhook signed;
        webhook_signature ec file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::pem($::Curve))
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 11: a key that is cut off
--- config
    location /hook/ {
        webhook signed;
        webhook_signature rsa file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::rsa_pem($::Rsa) =~ s/-----END.*//sr)
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 12: a certificate, and no key
--- config
    location /hook/ {
        webhook signed;
        webhook_signature rsa file=../html/key.pem;
    }
--- user_files eval
::file('key.pem', ::rsa_pem($::Rsa) =~ s/PUBLIC KEY/CERTIFICATE/gr)
--- must_die
--- error_log
has a key that does not fit its scheme



=== TEST 13: the same key twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature rsa file=../html/key.pem file=../html/key.pem;
    }
--- user_files eval: ::file('key.pem', ::rsa_pem($::Rsa))
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 14: the vector of RFC 8032, section 7.1, test 2
--- http_config eval
::scheme('rfc', 'ed25519', 'signature X-Sig', 'secret hex')
--- config eval
::location('/rfc/', 'webhook signed; webhook_signature rfc 3d4017c3e843895a'
                    . '92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c;')
--- client eval
sub {
    my $is = shift;
    my $sig = '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69'
              . 'da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612'
              . 'bb0c00';

    ::ask($is, '/rfc/',
        ['its message', ::accepted("\x72"), "\x72", 'X-Sig' => $sig],
        ['another one', ::refused('X-Sig', 'invalid_signature'), "\x73",
         'X-Sig' => $sig]);
}
