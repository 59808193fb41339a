use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures over the raw body, of each scheme: what is signed rightly goes
# upstream byte for byte, everything else gets one exact answer.  What a scheme
# has of its own is in 043 to 047.

use Answers qw(page);
use HTTPClient qw(answer2 chunks data dial dial2 put);
use SignatureTest;
use Time::HiRes ();

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: any body of any type is passed on as it is
--- client eval
sub {
    my $is = shift;
    my $every = CORE::join '', map { chr } 0 .. 255;

    for my $scheme (@::Schemes) {
        ::ask($is, "/$scheme/some/path?with=arguments", map {
            my ($name, $body, @type) = @$_;
            [$name, ::accepted($body), $body, @type, ::sign($scheme, $body)]
        } (['JSON', $::Json, 'Content-Type' => 'application/json'],
           ['no JSON', '{', 'Content-Type' => 'application/json'],
           ['text', "caf\xc3\xa9\r\n", 'Content-Type' => 'text/plain'],
           ['a form', 'payload=%7B%7D', 'Content-Type' =>
            'application/x-www-form-urlencoded'],
           ['every byte', $every x 9, 'Content-Type' =>
            'application/octet-stream'],
           ['what is not gzip', "\x1f\x8b\0", 'Content-Encoding' => 'gzip'],
           ['NUL', "\0"],
           ['blanks', " \r\n "],
           ['nothing', '']));
    }
}



=== TEST 2: the headers of the body are passed on
--- request eval
"POST /github/\n{"
--- more_headers eval
"Content-Type: text/plain; charset=x\nContent-Encoding: br\n"
. CORE::join ': ', ::sign('github', '{')
--- error_code: 200
--- response_headers
X-Seen: text/plain; charset=x|br
--- response_body chop
{



=== TEST 3: a missing header
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @all = ::sign($scheme, 'x');

        ::ask($is, "/$scheme/",
              ['all of them', ::refused($scheme, 'missing_signature'), 'x'],
              ['all of them, and the body',
               ::refused($scheme, 'missing_signature'), '']);

        # each one alone
        for (my $i = 0; $i < @all; $i += 2) {
            my @rest = @all;
            splice @rest, $i, 2;

            ::ask($is, "/$scheme/", ["$all[$i]",
                  ::refused($scheme, 'missing_signature'), 'x', @rest]);
        }
    }
}



=== TEST 4: a header twice, empty, or blank
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @all = ::sign($scheme, 'x');

        for (my $i = 0; $i < @all; $i += 2) {
            my @empty = @all;
            my @blank = @all;
            $empty[$i + 1] = '';
            $blank[$i + 1] = '  ';

            ::ask($is, "/$scheme/", map {
                my ($name, @header) = @$_;
                ["$all[$i] $name", ::refused($scheme, 'invalid_signature'), 'x',
                 @header]
            } (['twice', @all, @all[$i, $i + 1]],
               ['first another', $all[$i], 1, @all],
               ['then another', @all, $all[$i], 1],
               ['and empty', @all, $all[$i], ''],
               ['empty', @empty],
               ['blank', @blank]));
        }

        ::ask($is, "/$scheme/",
              ['as it should be', ::accepted('x'), 'x', @all]);
    }
}



=== TEST 5: several secrets: each of them signs, and no other
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my ($old, $new) = @{$::Key{$scheme}};
        my $wrong = ::refused($scheme, 'invalid_signature');

        ::ask($is, "/$scheme-two/",
              ['the old one', ::accepted('x'), 'x',
               ::sign($scheme, 'x', key => $old)],
              ['the new one', ::accepted('x'), 'x',
               ::sign($scheme, 'x', key => $new)],
              ['another one', $wrong, 'x',
               ::sign($scheme, 'x', key => 'other')],
              ['the old one, another body', $wrong, 'y',
               ::sign($scheme, 'x', key => $old)],
              ['the new one, another body', $wrong, 'y',
               ::sign($scheme, 'x', key => $new)]);

        ::ask($is, "/$scheme/",
              ['the only one', ::accepted('x'), 'x', ::sign($scheme, 'x')],
              ['the right signature of another secret', $wrong, 'x',
               ::sign($scheme, 'x', key => $new)],
              ['of no secret', $wrong, 'x', ::sign($scheme, 'x', key => '')],
              ['of the secret as it is written', $wrong, 'x',
               ::sign($scheme, 'x', key => "\"$::Secret{$scheme}[0]\"")]);
    }
}



=== TEST 6: a body changed by one bit, one byte less and one more
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @header = ::sign($scheme, $::Json);
        my $wrong = ::refused($scheme, 'invalid_signature');
        my @cases;

        for my $bit (0, 7, 8, 8 * 63, 8 * 64 + 3, 8 * length($::Json) - 8,
                     8 * length($::Json) - 1)
        {
            my $body = $::Json;
            vec($body, $bit, 1) ^= 1;
            push @cases, ["bit $bit", $wrong, $body, @header];
        }

        ::ask($is, "/$scheme/", @cases,
              ['less', $wrong, substr($::Json, 0, -1), @header],
              ['without its beginning', $wrong, substr($::Json, 1), @header],
              ['more', $wrong, "$::Json\n", @header],
              ['more before it', $wrong, " $::Json", @header],
              ['NUL behind it', $wrong, "$::Json\0", @header],
              ['twice', $wrong, $::Json . $::Json, @header],
              ['nothing', $wrong, '', @header],
              ['something for nothing', $wrong, ' ', ::sign($scheme, '')],
              ['unchanged', ::accepted($::Json), $::Json, @header]);
    }
}



=== TEST 7: a body in a temporary file, chunked or not
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my $uri = "/$scheme-file/";
        my $changed = $::Large;
        vec($changed, 8 * 700000, 1) ^= 1;

        for ([$::Large, ::accepted($::Large)],
             [$changed, ::refused($scheme, 'invalid_signature')],
             [$::Large . "\n", ::refused($scheme, 'invalid_signature')])
        {
            my ($body, $answer) = @$_;
            my @header = ::sign($scheme, $::Large);

            ::put($socket, ::chunked($uri, [$body =~ /.{1,7001}/gs], @header));
            $is->(::answer($socket) eq $answer, 1, "$uri: chunked");

            ::put($socket, ::request($uri, $body, @header));
            $is->(::answer($socket) eq $answer, 1, "$uri: with its length");
        }
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 8: chunks of one byte, of a few, with extensions and a trailer
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my $uri = "/$scheme/";

        for my $pieces ([split //, $::Json], [$::Json =~ /.{1,7}/gs],
                        [$::Json], [])
        {
            my $body = CORE::join '', @$pieces;

            ::put($socket, ::head($uri, 'Transfer-Encoding' => 'chunked',
                                  ::sign($scheme, $body)),
                  (map { sprintf "%x ; a=b\r\n%s\r\n", length $_, $_ }
                       @$pieces), "0\r\nX-Trailer: x\r\n\r\n");
            $is->(::answer($socket), ::accepted($body), scalar @$pieces);

            ::put($socket, ::chunked($uri, [@$pieces, '.'],
                                     ::sign($scheme, $body)));
            $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
                  scalar(@$pieces) . ' and one more');
        }
    }
}



=== TEST 9: a client that sends one byte at a time
--- client eval
sub {
    my $is = shift;
    my $body = substr $::Json, 0, 100;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my @header = ::sign($scheme, $body);

        ::put_slowly($socket, ::request("/$scheme/", $body, @header));
        $is->(::answer($socket), ::accepted($body), "$scheme");

        ::put_slowly($socket, ::request("/$scheme/", $body ^ ' ', @header));
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme, another body");

        ::put_slowly($socket, ::chunked("/$scheme-file/", [$body =~ /.{1,9}/g],
                                        @header));
        $is->(::answer($socket), ::accepted($body),
              "$scheme, chunked, in a file");
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 10: client_body_in_file_only, client_body_in_single_buffer
--- config eval
::location('/only/', 'webhook signed; client_body_in_file_only clean; '
                     . ::signature('github', 1))
. ::location('/single/', 'webhook signed; client_body_in_single_buffer on; '
                         . 'client_body_buffer_size 4m; '
                         . ::signature('github', 1))
. ::location('/unbuffered/', 'webhook signed; proxy_request_buffering off; '
                             . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;

    for my $uri (qw(/only/ /single/ /unbuffered/)) {
        for my $body ('', $::Json, $::Large) {
            my @header = ::sign('github', $body);
            my $socket = ::dial();

            ::put($socket, ::request($uri, $body, @header));
            $is->(::answer($socket) eq ::accepted($body), 1, "$uri: accepted");

            ::put($socket, ::request($uri, "$body ", @header));
            $is->(::answer($socket), ::refused('github', 'invalid_signature'),
                  "$uri: refused");
        }
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 11: the method is judged before the signature, the path not at all
--- request eval
[(map { "$_ /github/x" } qw(GET HEAD PUT DELETE OPTIONS)), 'GET /github/']
--- more_headers eval
[('') x 5, CORE::join ': ', ::sign('github', '')]
--- error_code eval
[(405) x 6]
--- response_headers eval
[("Allow: POST\n!WWW-Authenticate\nContent-Type: application/problem+json") x 6]
--- response_body eval
my $body = ::refused('github', 'method_not_allowed') =~ s/^405 \[\] //r;
[$body, '', ($body) x 4]



=== TEST 12: the type of the answer to a missing and to a wrong signature
--- request eval
["POST /slack/\nx", "POST /slack/\nx", "POST /stripe/\nx"]
--- more_headers eval
['', "X-Slack-Signature: v0=1\nX-Slack-Request-Timestamp: 1",
 'Stripe-Signature: nothing']
--- error_code eval
[401, 401, 401]
--- response_headers eval
[("WWW-Authenticate: X-Slack-Signature\n"
  . 'Content-Type: application/problem+json') x 2,
 "WWW-Authenticate: Stripe-Signature\nContent-Type: application/problem+json"]
--- response_body eval
[map { s/^401 \[\S+ //r } ::refused('slack', 'missing_signature'),
     ::refused('slack', 'stale_signature'),
     ::refused('stripe', 'invalid_signature')]



=== TEST 13: client_max_body_size is nginx's own
--- config eval
::location('/tiny/', 'webhook signed; client_max_body_size 10; '
                     . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;
    my $large = '413 [] ' . ::page('413 Request Entity Too Large');

    my $socket = ::dial();
    ::put($socket, ::request('/tiny/', 'x' x 11, ::sign('github', 'x' x 11)));
    $is->(::answer($socket), $large, 'too large, and signed');

    $socket = ::dial();
    ::put($socket, ::chunked('/tiny/', ['x' x 11], ::sign('github', 'other')));
    $is->(::answer($socket), $large, 'too large, chunked');

    $socket = ::dial();
    ::put($socket, ::chunked('/tiny/', ['x' x 10],
                             ::sign('github', 'x' x 10)));
    $is->(::answer($socket), ::accepted('x' x 10), 'just so');
}
--- error_log
client intended to send too large



=== TEST 14: secrets of any length and bytes, many of them
--- config eval
::location('/long/', 'webhook signed; webhook_signature github "' . 'hush' x 500
                     . '";')
. ::location('/block/', 'webhook signed; webhook_signature github "'
                        . 'hush' x 16 . '";')
. ::location('/one/', 'webhook signed; webhook_signature github h;')
. ::location('/bytes/', 'webhook signed; webhook_signature github '
                        . "\"hush\xff\x80 '\\\"\\\\;{}\";")
. ::location('/whsec/', 'webhook signed; webhook_signature stripe '
                        . 'whsec_hush!;')
. ::location('/many/', 'webhook signed; webhook_signature shopify '
                       . CORE::join(' ', map { "hush$_" } 1 .. 50) . ';')
--- client eval
sub {
    my $is = shift;

    for (['/long/', 'github', 'hush' x 500], ['/block/', 'github', 'hush' x 16],
         ['/one/', 'github', 'h'], ['/bytes/', 'github',
                                    "hush\xff\x80 '\"\\;{}"],
         ['/whsec/', 'stripe', 'whsec_hush!'],
         (map { ['/many/', 'shopify', "hush$_"] } 1, 2, 25, 49, 50))
    {
        my ($uri, $scheme, $key) = @$_;

        ::ask($is, $uri, ['right', ::accepted('x'), 'x',
                          ::sign($scheme, 'x', key => $key)],
                         ['wrong', ::refused($scheme, 'invalid_signature'),
                          'x', ::sign($scheme, 'x', key => $key . 'x')]);
    }
}



=== TEST 15: a body that comes after its refusal is not taken for a request
--- client eval
sub {
    my $is = shift;
    my $trap = "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n";

    for my $scheme (@::Schemes) {
        my $socket = ::dial();

        for (['missing_signature'],
             ['invalid_signature', ::sign($scheme, 'x'), ::sign($scheme, 'x')],
             (grep { $_->[0] ne 'stale_signature'
                     || $scheme !~ /github|shopify/ }
                   ['stale_signature', ::sign($scheme, $trap,
                                              time => time - 1000)]))
        {
            my ($reason, @header) = @$_;

            ::put($socket, ::head("/$scheme/", 'Content-Length' => length $trap,
                                  @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: by its head");
            ::put($socket, $trap);
            ::put($socket, ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
            $is->(::answer($socket), ::accepted('y'), 'the next one');

            ::put($socket, ::head("/$scheme/", 'Transfer-Encoding' => 'chunked',
                                  @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: by its head, chunked");
            ::put($socket, ::chunks($trap));
            ::put($socket, ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
            $is->(::answer($socket), ::accepted('y'), 'the next one');
        }

        # after it all
        ::put($socket, ::request("/$scheme/", $trap, ::sign($scheme, 'x')),
                       ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme: pipelined");
        $is->(::answer($socket), ::accepted('y'), 'the next one');
    }
}



=== TEST 16: Expect: 100-continue gets 100 only if the body is wanted
--- config eval
::location('/luzmo/', 'webhook luzmo; ' . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;
    my @expect = (Expect => '100-continue', 'Content-Length' => 1);

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        ::put($socket, ::head("/$scheme/", @expect, ::sign($scheme, 'x')));
        $is->(::answer($socket), '100', "$scheme: right");
        ::put($socket, 'x');
        $is->(::answer($socket), ::accepted('x'), "$scheme: right");

        # it is known after the body only
        $socket = ::dial();
        ::put($socket, ::head("/$scheme/", @expect, ::sign($scheme, 'x')));
        $is->(::answer($socket), '100', "$scheme: wrong");
        ::put($socket, 'y');
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme: wrong");

        my @good = ::sign($scheme, 'x');

        for (['missing_signature'],
             ['invalid_signature', @good, @good],
             ['invalid_signature', (map { $_ % 2 ? '' : $good[$_] }
                                        0 .. $#good)],
             ($scheme =~ /github|shopify/ ? () :
              (['stale_signature', ::sign($scheme, 'x', time => 1)],
               ['invalid_signature', ::sign($scheme, 'x', time => 'x')])))
        {
            my ($reason, @header) = @$_;

            $socket = ::dial();
            ::put($socket, ::head("/$scheme/", @expect, @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: $reason, no 100");
        }
    }

    my $socket = ::dial();
    ::put($socket, ::head('/luzmo/data_updated', @expect,
                          'Content-Type' => 'text/plain'));
    $is->(::answer($socket), ::luzmo_refused('github', 'missing_signature'),
          'luzmo: none, no 100');

    $socket = ::dial();
    ::put($socket, ::head('/luzmo/data_updated', @expect,
                          'Content-Type' => 'text/plain',
                          ::sign('github', 'x')));
    $is->(::answer($socket), '100', 'luzmo: a type, and perhaps right');
    ::put($socket, 'x');
    $is->(::answer($socket),
          ::luzmo_refused('', 'unsupported_media_type'), 'luzmo: a type');
}



=== TEST 17: clients that go away, too slow ones, and half a body
--- config eval
::location('/slow/', 'webhook signed; client_body_timeout 200ms; '
                     . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;

    for my $uri (qw(/github/ /github-file/)) {
        for my $sent ('', 'x', 'x' x 9000) {
            my $socket = ::dial();
            ::put($socket, ::head($uri, 'Content-Length' => 9999,
                                  ::sign('github', 'x')), $sent);
            Time::HiRes::sleep(0.02);
            close $socket;
        }
    }

    my $socket = ::dial();
    ::put($socket, ::head('/slow/', 'Content-Length' => 2,
                          ::sign('github', 'xx')), 'x');
    $is->(::answer($socket), 'closed', 'closed, as nginx does it');

    ::ask($is, '/github/', ['the next one', ::accepted('x'), 'x',
                            ::sign('github', 'x')]);
}



=== TEST 18: error_page wins over our body
--- config eval
::location('/paged/', 'webhook signed; error_page 401 /page; '
                      . ::signature('github', 1))
. 'location = /page { return 200 "page\n"; }'
--- client eval
sub {
    my $is = shift;

    ::ask($is, '/paged/',
          ['none', "401 [X-Hub-Signature-256] page\n", 'x'],
          ['wrong', "401 [X-Hub-Signature-256] page\n", 'x',
           ::sign('github', 'y')],
          ['right', ::accepted('x'), 'x', ::sign('github', 'x')]);
}



=== TEST 19: the log names the reason, and nothing else of a signature
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        ::ask($is, "/$scheme/",
              ['none', ::refused($scheme, 'missing_signature'), 'x'],
              ['wrong', ::refused($scheme, 'invalid_signature'), 'x',
               ::sign($scheme, 'some text')]);
    }

    ::ask($is, '/slack/', ['stale', ::refused('slack', 'stale_signature'), 'x',
                           ::sign('slack', 'x', time => 1)]);
}
--- error_log eval
[qr/\[info\] .*webhook signed refused: missing_signature/,
 qr/\[info\] .*webhook signed refused: invalid_signature/,
 qr/\[info\] .*webhook signed refused: stale_signature/]
--- no_error_log eval
[qr/hush/i, 'some text', '[error]', '[crit]']



=== TEST 20: nor does the log of the debug level tell what would have been right
--- log_level: debug
--- client eval
sub {
    my $is = shift;
    my @right;

    for my $scheme (@::Schemes) {
        push @right, map { ::mac($scheme, $_) } '', 'x', 'y';

        ::ask($is, "/$scheme-two/", ['wrong',
              ::refused($scheme, 'invalid_signature'), 'y',
              ::sign($scheme, 'x', key => 'other')]);
    }

    open my $file, '<:raw', $Test::Nginx::Util::ErrLogFile or die "log: $!";
    local $/;
    my $log = <$file>;

    $is->(scalar(grep { index($log, $_) >= 0 } @right), 0, 'it does not');
}
--- no_error_log eval
[qr/hush/i, '[error]', '[crit]']



=== TEST 21: HTTP/2: accepted
--- http2
--- request eval
"POST /github/\nsome text"
--- more_headers eval
CORE::join ': ', ::sign('github', 'some text')
--- error_code: 200
--- response_body chop
some text



=== TEST 22: HTTP/2: refused, without a body
--- http2
--- request eval
[map { "POST /$_/\n" } @::Schemes]
--- more_headers eval
['', 'X-Hub-Signature-256: ', 'Stripe-Signature: t=1,v1=1', '',
 'X-Shopify-Hmac-Sha256: x']
--- error_code eval
[(401) x 5]
--- response_headers eval
[map { "WWW-Authenticate: $::Challenge{$_}\n"
       . 'Content-Type: application/problem+json' } @::Schemes]
--- response_body eval
my @reasons = qw(missing missing stale missing invalid);
[map { ::refused($_, shift(@reasons) . '_signature') =~ s/^401 \[\S+\] //r }
     @::Schemes]



=== TEST 23: HTTP/2: frames of one byte, bodies of any size, refusals before and after
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my $stream = 1;

    my $check = sub {
        my ($name, $answer, $pieces, $uri, @header) = @_;

        ::put($socket, ::headers($stream, $uri, @header),
              map { ::data($stream, $_) } @$pieces);
        ::put($socket, ::data($stream, '', 1));
        $is->(::answer2($socket, $stream), $answer =~ s/^(\d+) \[.*?\]/$1/r,
              "$uri: $name");
        $stream += 2;
    };

    my $large = substr $::Large, 0, 60000;

    for my $scheme (@::Schemes) {
        my $wrong = ::refused($scheme, 'invalid_signature');

        for my $uri ("/$scheme/", "/$scheme-file/") {
            $check->('nothing', ::accepted(''), [], $uri, ::sign($scheme, ''));
            $check->('nothing, wrong', $wrong, [], $uri, ::sign($scheme, 'x'));

            for my $length ([], ['Content-Length' => length $::Json]) {
                $check->('bytes', ::accepted($::Json), [split //, $::Json],
                         $uri, @$length, ::sign($scheme, $::Json));
                $check->('bytes, wrong', $wrong,
                         [split //, $::Json ^ ' '], $uri, @$length,
                         ::sign($scheme, $::Json));
            }

            $check->('none', ::refused($scheme, 'missing_signature'), ['x'],
                     $uri);
            $check->('twice', $wrong, ['x'], $uri, ::sign($scheme, 'x'),
                     ::sign($scheme, 'x'));
        }
    }

    for my $scheme (qw(stripe shopify)) {
        my @pieces = $large =~ /.{1,5000}/gs;

        # a connection of its own, which has room for one such answer
        $socket = ::dial2();
        $stream = 1;
        $check->('large', ::accepted($large), \@pieces, "/$scheme-file/",
                 ::sign($scheme, $large));
        $check->('large, wrong', ::refused($scheme, 'invalid_signature'),
                 \@pieces, "/$scheme-file/", ::sign($scheme, "$large "));
    }
}
--- error_log
a client request body is buffered to a temporary file
