use lib 't/lib';
use WebhookTest 'no_plan';

# However a body arrives and wherever nginx keeps it, it is judged the same
# and goes upstream byte for byte; and the connection is good for the next
# request, or closed.

use Answers qw(luzmo page);
use Compress::Zlib ();
use HTTPClient qw(answer answer2 chunks data dial dial2 end put reset_stream);
use LuzmoEvent qw($Body $Large $Headers);
use Time::HiRes qw(sleep);

our $Upstream = "server_tokens off;\n"
                . Answers::echo(server => 'location /busy { return 503; }');

our $Common = <<'END';
    location /streamed/ {
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_intercept_errors on;
        error_page 503 = @streamed;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/busy;
    }

    location @streamed {
        webhook luzmo;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /ready {
        return 200 "ready\n";
    }

    location /hook/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /small/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_buffer_size 1k;
        client_max_body_size 2m;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /tiny/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_max_body_size 100;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END

sub invalid_json { luzmo('invalid_json', offset => $_[0]) }

our $NoEvent = luzmo('unknown_event');
our $NoMethod = luzmo('method_not_allowed');
our $Missing = luzmo('missing_secret');
our $Invalid = luzmo('invalid_secret');
our $Type = luzmo('unsupported_media_type');
our $Empty = luzmo('empty_body');
our $Plugin = luzmo('wrong_plugin', field => 'slug');

our $TooLarge = page('413 Request Entity Too Large');

# The head of a request.
sub head {
    my ($uri, %header) = @_;

    my $method = delete $header{Method} // 'POST';
    my %all = (Host => 'x', 'X-Secret' => 'right',
               'Content-Type' => 'application/json', %header);

    return HTTPClient::head($method, $uri,
                            map { $_ => $all{$_} } sort keys %all);
}

sub request {
    my ($uri, $body, %header) = @_;

    return head($uri, 'Content-Length' => length($body), %header) . $body;
}

sub headers {
    my ($stream, $path, %header) = @_;
    my $method = delete $header{Method} // 'POST';

    return HTTPClient::headers($stream, $method, $path, 0,
                               map { lc } map { $_ => $header{$_} }
                               sort keys %header);
}

# Some blocks have a client of their own: a sub that is called while nginx is
# running, with the names and the values that it has to check.
add_response_body_check(sub {
    my $block = shift;

    return if !defined $block->client;

    is(ref $block->client, 'CODE', $block->name . ' - the client compiles');
    $block->client->(sub { is($_[0], $_[1], $block->name . " - $_[2]") });
});

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Upstream);
    $block->set_value('config', $Common . ($block->config // ''));
    $block->set_value('more_headers', $Headers)
        unless defined $block->more_headers;

    if (!defined $block->request && !defined $block->pipelined_requests) {
        $block->set_value('request', 'GET /ready');
        $block->set_value('response_body', "ready\n");
    }
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: with Content-Length and chunked, in one piece
--- request eval
["POST /hook/data_updated\n$::Body",
 "POST /hook/data_updated\n" . ::chunks($::Body)]
--- more_headers eval
[$::Headers, $::Headers . 'Transfer-Encoding: chunked']
--- error_code eval
[200, 200]
--- response_body eval
[$::Body, $::Body]



=== TEST 2: chunks of one byte, of a few, with extensions and a trailer
--- request eval
["POST /hook/data_updated\n" . ::chunks(split //, $::Body),
 "POST /hook/data_updated\n" . ::chunks($::Body =~ /.{1,7}/gs),
 "POST /hook/data_updated\n" . ::chunks($::Body =~ /.{1,50}/gs)
                               =~ s/^([0-9a-f]+)\r/$1 ; a=b\r/gmr
                               =~ s/\r\n\z/X-Trailer: x\r\n\r\n/r]
--- more_headers eval
$::Headers . 'Transfer-Encoding: chunked'
--- error_code eval
[200, 200, 200]
--- response_body eval
[($::Body) x 3]



=== TEST 3: a client that sends one byte at a time
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial();

    for (split //, ::request('/hook/data_updated', $::Body)) {
        ::put($socket, $_);
        Time::HiRes::sleep(0.0005);
    }

    $is->(::answer($socket), "200 $::Body", 'accepted');

    for (split //, ::request('/hook/data_updated', "{\"slug\":\"acme\",}")) {
        ::put($socket, $_);
        Time::HiRes::sleep(0.0005);
    }

    $is->(::answer($socket), '400 ' . ::invalid_json(15), 'refused');
}



=== TEST 4: a client that sends one byte at a time, chunked, body in a file
--- config
    location /bytes/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_buffer_size 8;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial();

    ::put($socket, ::head('/bytes/data_updated',
                         'Transfer-Encoding' => 'chunked'));

    for (split //, ::chunks($::Body =~ /.{1,20}/gs)) {
        ::put($socket, $_);
        Time::HiRes::sleep(0.0005);
    }

    $is->(::answer($socket), "200 $::Body", 'accepted');
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 5: a body of more than 1 MB goes through a temporary file as it is
--- request eval
["POST /small/data_updated\n$::Large",
 "POST /small/data_updated\n" . ::chunks($::Large =~ /.{1,5000}/gs)]
--- more_headers eval
[$::Headers, $::Headers . 'Transfer-Encoding: chunked']
--- error_code eval
[200, 200]
--- response_body eval
[$::Large, $::Large]
--- error_log
a client request body is buffered to a temporary file



=== TEST 6: an error behind 1 MB of a body in a temporary file
--- request eval
["POST /small/data_updated\n" . $::Large =~ s/\}$/,}/r,
 "POST /small/data_updated\n" . ::chunks($::Large =~ s/\}$/,}/r =~ /.{1,999}/gs)]
--- more_headers eval
[$::Headers, $::Headers . 'Transfer-Encoding: chunked']
--- error_code eval
[400, 400]
--- response_body eval
[(::invalid_json(length $::Large)) x 2]
--- error_log
a client request body is buffered to a temporary file



=== TEST 7: client_body_in_file_only, client_body_in_single_buffer
--- config
    location /file/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_in_file_only clean;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /single/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_in_single_buffer on;
        client_body_buffer_size 4m;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /file/data_updated\n$::Body", "POST /file/data_updated\n$::Large",
 "POST /file/data_updated\n[1",
 "POST /single/data_updated\n$::Large", "POST /single/data_updated\n[1"]
--- error_code eval
[200, 200, 400, 200, 400]
--- response_body eval
[$::Body, $::Large, ::invalid_json(2), $::Large, ::invalid_json(2)]



=== TEST 8: proxy_request_buffering off
--- config
    location /unbuffered/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_buffer_size 1k;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /unbuffered/data_updated\n$::Body",
 "POST /unbuffered/data_updated\n" . ::chunks($::Large =~ /.{1,9999}/gs),
 "POST /unbuffered/data_updated\n" . ::chunks($::Body, '}')]
--- more_headers eval
[$::Headers, ($::Headers . 'Transfer-Encoding: chunked') x 2]
--- error_code eval
[200, 200, 400]
--- response_body eval
[$::Body, $::Large, ::invalid_json(length $::Body)]



=== TEST 9: over client_max_body_size with Content-Length: nginx's own 413, first of all
--- request eval
["POST /tiny/data_updated\n$::Body", "POST /tiny/unknown\n$::Body"]
--- more_headers eval
[$::Headers, "X-Secret: wrong\n"]
--- error_code eval
[413, 413]
--- response_body eval
[$::TooLarge, $::TooLarge]
--- response_headers eval
['Content-Type: text/html', 'Content-Type: text/html']
--- error_log
client intended to send too large body



=== TEST 10: over client_max_body_size in chunks: nginx's own 413, for who has the secret
--- request eval
["POST /tiny/data_updated\n" . ::chunks($::Body),
 "POST /tiny/data_updated\n" . ::chunks(split //, $::Body)]
--- more_headers eval
$::Headers . 'Transfer-Encoding: chunked'
--- error_code eval
[413, 413]
--- response_body eval
[$::TooLarge, $::TooLarge]
--- error_log
client intended to send too large chunked body



=== TEST 11: over client_max_body_size in chunks without the secret: 401
--- request eval
"POST /tiny/data_updated\n" . ::chunks($::Body)
--- more_headers
X-Secret: wrong
Content-Type: application/json
Transfer-Encoding: chunked
--- error_code: 401
--- response_body eval
$::Invalid



=== TEST 12: a client that disconnects half-way is nobody's trouble
--- client eval
sub {
    my $is = shift;

    for my $uri ('/hook/data_updated', '/small/data_updated') {
        for my $part (1, 60, 100) {
            my $socket = ::dial();
            ::put($socket, ::head($uri, 'Content-Length' => 5000),
                          substr $::Body, 0, $part);
            Time::HiRes::sleep(0.02);
            close $socket;

            $socket = ::dial();
            ::put($socket, ::head($uri, 'Transfer-Encoding' => 'chunked'),
                          sprintf("%x\r\n", 5000), substr $::Body, 0, $part);
            Time::HiRes::sleep(0.02);
            close $socket;
        }
    }

    my $socket = ::dial();
    ::put($socket, ::head('/hook/data_updated', 'Content-Length' => 5000));
    Time::HiRes::sleep(0.02);
    close $socket;

    # by a reset
    $socket = ::dial();
    ::put($socket, ::head('/hook/data_updated', 'Content-Length' => 5000), '{');
    Time::HiRes::sleep(0.02);
    setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
               pack('ii', 1, 0);
    close $socket;

    $socket = ::dial();
    ::put($socket, ::request('/hook/data_updated', $::Body));
    $is->(::answer($socket), "200 $::Body", 'the next one is accepted');
}
--- error_log
client prematurely closed connection
--- no_error_log
[error]
[crit]



=== TEST 13: a client that stops half-way runs into client_body_timeout
--- config
    location /slow/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_timeout 100ms;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;

    my $socket = ::dial();
    ::put($socket, ::head('/slow/data_updated', 'Content-Length' => 5000), '{');
    $is->(::answer($socket), 'closed', 'closed, as nginx does it');

    $socket = ::dial();
    ::put($socket, ::request('/slow/data_updated', $::Body));
    $is->(::answer($socket), "200 $::Body", 'the next one is accepted');
}


=== TEST 14: Expect: 100-continue gets 100 only if the body is wanted
--- client eval
sub {
    my $is = shift;
    my @expect = (Expect => '100-continue', 'Content-Length' => length $::Body);

    my $socket = ::dial();
    ::put($socket, ::head('/hook/data_updated', @expect));
    $is->(::answer($socket), '100', 'the right secret');
    ::put($socket, $::Body);
    $is->(::answer($socket), "200 $::Body", 'the right secret and a body');

    for (['a wrong secret', "401 $::Invalid", 'X-Secret' => 'wrong'],
         ['no secret', "401 $::Missing", 'X-Secret' => undef],
         ['a media type', "415 $::Type", 'Content-Type' => 'text/plain'],
         ['a method', "405 $::NoMethod", Method => 'PUT'])
    {
        my ($name, $answer, @header) = @$_;

        $socket = ::dial();
        ::put($socket, ::head('/hook/data_updated', @expect, @header));
        $is->(::answer($socket), $answer, "$name: no 100");
    }

    $socket = ::dial();
    ::put($socket, ::head('/hook/unknown', @expect));
    $is->(::answer($socket), "404 $::NoEvent", 'a path: no 100');

    $socket = ::dial();
    ::put($socket, ::head('/hook/data_updated', Expect => '100-continue',
                         'Transfer-Encoding' => 'chunked'));
    $is->(::answer($socket), '100', 'chunked');
    ::put($socket, ::chunks($::Body));
    $is->(::answer($socket), "200 $::Body", 'chunked, and a body');
}



=== TEST 15: the connection stays open after each kind of refusal
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial();
    my $uri = '/hook/data_updated';

    for ([::request($uri, $::Body, 'X-Secret' => undef), "401 $::Missing"],
         [::request($uri, $::Large, 'X-Secret' => 'wrong'), "401 $::Invalid"],
         [::head($uri, 'X-Secret' => 'wrong', 'Transfer-Encoding' => 'chunked')
          . ::chunks($::Body =~ /.{1,9}/gs), "401 $::Invalid"],
         [::request('/hook/x', $::Body), "404 $::NoEvent"],
         [::head($uri, Method => 'GET'), "405 $::NoMethod"],
         [::request($uri, $::Body, Method => 'PUT'), "405 $::NoMethod"],
         [::request($uri, $::Body, 'Content-Type' => 'a/b'), "415 $::Type"],
         [::request($uri, ''), "400 $::Empty"],
         [::request($uri, '{"a":'), '400 ' . ::invalid_json(5)],
         [::request($uri, $::Large . '}'),
          '400 ' . ::invalid_json(length $::Large)],
         [::head($uri, 'Transfer-Encoding' => 'chunked') . ::chunks('{', 'a'),
          '400 ' . ::invalid_json(1)],
         [::request($uri, $::Body =~ s/acme/other/r), "403 $::Plugin"])
    {
        my ($request, $answer) = @$_;

        ::put($socket, $request);
        $is->(::answer($socket), $answer, substr $answer, 0, 3);

        ::put($socket, ::request($uri, $::Body));
        $is->(::answer($socket), "200 $::Body", 'the next one is accepted');
    }
}



=== TEST 16: a body that comes after its refusal is not taken for a request
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial();
    my $uri = '/hook/data_updated';
    my $trap = "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n";

    ::put($socket, ::head($uri, 'X-Secret' => 'wrong',
                         'Content-Length' => length $trap));
    $is->(::answer($socket), "401 $::Invalid", 'by its head');
    ::put($socket, $trap);
    ::put($socket, ::request($uri, $::Body));
    $is->(::answer($socket), "200 $::Body", 'the next one is accepted');

    ::put($socket, ::head($uri, 'X-Secret' => 'wrong',
                         'Transfer-Encoding' => 'chunked'));
    $is->(::answer($socket), "401 $::Invalid", 'by its head');
    ::put($socket, ::chunks($trap));
    ::put($socket, ::request($uri, $::Body));
    $is->(::answer($socket), "200 $::Body", 'the next one is accepted');
}



=== TEST 17: after a refusal whose body is no chunked body, nginx closes
--- client eval
sub {
    my $is = shift;
    my $trap = "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n";
    my @chunked = ('Transfer-Encoding' => 'chunked');

    for ([::head('/hook/data_updated', @chunked, 'X-Secret' => 'wrong'),
          "401 $::Invalid"],
         [::head('/hook/unknown', @chunked), "404 $::NoEvent"],
         [::head('/hook/data_updated', @chunked, Method => 'PUT'),
          "405 $::NoMethod"],
         [::head('/hook/data_updated', @chunked, 'Content-Type' => 'a/b'),
          "415 $::Type"])
    {
        my ($head, $answer) = @$_;

        my $socket = ::dial();
        ::put($socket, $head, $trap);
        $is->(::answer($socket), $answer, substr($answer, 0, 3) . ', in time');
        $is->(::answer($socket), 'closed', 'nothing else is answered');
    }
}
--- error_log
client sent invalid chunked body



=== TEST 18: pipelined requests, accepted and refused
--- pipelined_requests eval
["POST /hook/data_updated\n$::Body",
 "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r,
 "POST /hook/data_updated\n{}{}",
 "POST /hook/unknown\n$::Body",
 "POST /hook/data_updated\n$::Large",
 "GET /hook/data_updated",
 "POST /hook/data_updated\n$::Body"]
--- error_code eval
[200, 403, 400, 404, 200, 405, 200]
--- response_body eval
[$::Body, $::Plugin, ::invalid_json(2), $::NoEvent, $::Large, $::NoMethod,
 $::Body]



=== TEST 19: Connection: close and HTTP/1.0
--- client eval
sub {
    my $is = shift;

    for my $body ($::Body, '{') {
        my $answer = $body eq '{' ? '400 ' . ::invalid_json(1) : "200 $::Body";

        my $socket = ::dial();
        ::put($socket, ::request('/hook/data_updated', $body,
                                Connection => 'close'));
        $is->(::answer($socket), $answer, 'close');
        $is->(::answer($socket), 'closed', 'closed');

        $socket = ::dial();
        ::put($socket, ::request('/hook/data_updated', $body)
                      =~ s/HTTP\/1\.1/HTTP\/1.0/r);
        $is->(::answer($socket), $answer, 'HTTP/1.0');
        $is->(::answer($socket), 'closed', 'closed');
    }
}



=== TEST 20: keepalive_requests and keepalive_timeout 0 hold for refusals too
--- config
    location /last/ {
        webhook luzmo;
        webhook_secret right slug=acme;
        keepalive_timeout 0;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;

    my $socket = ::dial();
    ::put($socket, ::request('/last/data_updated', '{'));
    $is->(::answer($socket), '400 ' . ::invalid_json(1), 'refused');
    $is->(::answer($socket), 'closed', 'closed');

    $socket = ::dial();
    ::put($socket, ::request('/last/data_updated', $::Body, 'X-Secret' => 'no'));
    $is->(::answer($socket), "401 $::Invalid", 'refused');
    $is->(::answer($socket), 'closed', 'closed');
}



=== TEST 21: HTTP/2: accepted
--- http2
--- request eval
"POST /hook/data_updated\n$::Body"
--- error_code: 200
--- response_body eval
$::Body



=== TEST 22: HTTP/2: a large body through a temporary file
--- http2
--- request eval
"POST /small/data_updated\n" . $::Large =~ s/\n//gr
--- error_code: 200
--- response_body eval
$::Large =~ s/\n//gr
--- error_log
a client request body is buffered to a temporary file



=== TEST 23: HTTP/2: refused
--- http2
--- request eval
["GET /hook/data_updated", "POST /hook/data_updated\n{\"slug\":\"acme\",}",
 "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r]
--- error_code eval
[405, 400, 403]
--- response_headers eval
["Allow: POST\nContent-Type: application/json",
 ("!Allow\nContent-Type: application/json") x 2]
--- response_body eval
[$::NoMethod, ::invalid_json(15), $::Plugin]



=== TEST 24: HTTP/2: frames of one byte, with and without Content-Length
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my $stream = 1;

    for ([$::Body, "200 $::Body"], [$::Body . '}', '400 ' . ::invalid_json(126)],
         [substr($::Body, 0, 99), '400 ' . ::invalid_json(99)],
         ['', "400 $::Empty"])
    {
        my ($body, $answer) = @$_;

        for my $length (['Content-Length' => length $body], []) {
            ::put($socket, ::headers($stream, '/hook/data_updated',
                                     'X-Secret' => 'right',
                                     'Content-Type' => 'application/json',
                                     @$length));

            for (split //, $body) {
                ::put($socket, ::data($stream, $_));
                Time::HiRes::sleep(0.0005);
            }

            ::put($socket, ::end($stream));
            $is->(::answer2($socket, $stream), $answer, substr $answer, 0, 3);
            $stream += 2;
        }
    }
}



=== TEST 25: HTTP/2: refused before the body is read; it may come all the same
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my $stream = 1;
    my %right = ('X-Secret' => 'right', 'Content-Type' => 'application/json');

    for (["401 $::Invalid", '/hook/data_updated', 'X-Secret' => 'wrong'],
         ["401 $::Missing", '/hook/data_updated'],
         ["404 $::NoEvent", '/hook/unknown'],
         ["405 $::NoMethod", '/hook/data_updated', Method => 'PUT'],
         ["415 $::Type", '/hook/data_updated', 'X-Secret' => 'right'],
         ["413 $::TooLarge", '/tiny/data_updated', %right,
          'Content-Length' => 30000])
    {
        my ($answer, @head) = @$_;

        ::put($socket, ::headers($stream, @head), ::data($stream, '{'));
        $is->(::answer2($socket, $stream), $answer, substr $answer, 0, 3);

        ::put($socket, ::data($stream, ' ' x 9999)) for 1 .. 2;
        $stream += 2;
        ::put($socket, ::headers($stream, '/hook/data_updated', %right),
                       ::data($stream, $::Body, 1));
        $is->(::answer2($socket, $stream), "200 $::Body", 'the next stream');
        $stream += 2;
    }
}
--- error_log
client intended to send too large body



=== TEST 26: HTTP/2: streams that are reset half-way, and two at the same time
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my %right = ('X-Secret' => 'right', 'Content-Type' => 'application/json');

    for my $stream (1, 3, 5) {
        ::put($socket, ::headers($stream, '/small/data_updated', %right),
                       ::data($stream, '{"slug":"' . 'x' x (1000 * $stream)));
        Time::HiRes::sleep(0.02) if $stream > 1;
        ::put($socket, ::reset_stream($stream));
    }

    ::put($socket, ::headers(7, '/hook/data_updated', %right),
                   ::headers(9, '/hook/data_updated', %right));

    for (split //, $::Body) {
        ::put($socket, ::data(7, $_), ::data(9, '['));
        Time::HiRes::sleep(0.0005);
    }

    ::put($socket, ::end(7));
    $is->(::answer2($socket, 7), "200 $::Body", 'one stream');
    ::put($socket, ::end(9));
    $is->(::answer2($socket, 9), '400 ' . ::invalid_json(126), 'the other');

    ::put($socket, ::headers(11, '/hook/data_updated', %right),
                   ::data(11, '{'));
    Time::HiRes::sleep(0.02);
    close $socket;
}



=== TEST 27: HTTP/2: less or more than Content-Length says is not judged
--- http2
--- client eval
sub {
    my $is = shift;
    my $page = ::page('400 Bad Request');
    my %right = ('X-Secret' => 'right', 'Content-Type' => 'application/json');
    my $socket = ::dial2();

    ::put($socket, ::headers(1, '/hook/data_updated', %right,
                             'Content-Length' => 127),
                   ::data(1, $::Body), ::end(1));
    $is->(::answer2($socket, 1), "400 $page", 'less');

    ::put($socket, ::headers(3, '/hook/data_updated', %right,
                             'Content-Length' => 125),
                   ::data(3, $::Body), ::end(3));
    $is->(::answer2($socket, 3), "400 $page", 'more');
}



=== TEST 28: fastcgi_pass: the body in the records as it came
--- config
    location /fastcgi/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        fastcgi_pass_request_headers off;
        # A newer nginx has it by itself.
        fastcgi_param HTTP_HOST "" if_not_empty;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
"POST /fastcgi/data_updated\n$::Body"
--- tcp_listen: $TEST_NGINX_PORT_2
--- tcp_query eval
# version, type, id, length, padding, reserved; nginx pads to 8 bytes
my $record = sub {
    my ($type, $content) = @_;
    my $padding = -length($content) % 8;

    return pack('CCnnCC', 1, $type, 1, length $content, $padding, 0) . $content
           . "\0" x $padding;
};

my $length = length $::Body;

my $params = pack('CC', 14, length $length) . "CONTENT_LENGTH$length";

$record->(1, pack 'nC6', 1, (0) x 6)
. $record->(4, $params) . $record->(4, '') . $record->(5, $::Body) . $record->(5, '')
--- tcp_reply eval
my $out = "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\ntaken\n";
pack('CCnnCC', 1, 6, 1, length $out, 0, 0) . $out
. pack('CCnnCC', 1, 3, 1, 8, 0, 0) . "\0" x 8
--- error_code: 201
--- response_body
taken



=== TEST 29: fastcgi_pass: refused, nothing is sent
--- config
    location /fastcgi/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        fastcgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
"POST /fastcgi/data_updated\n$::Body,"
--- error_code: 400
--- response_body eval
::invalid_json(length $::Body)
--- no_error_log
connect() failed
[error]
[crit]



=== TEST 30: scgi_pass: a large body from a temporary file as it came
--- config
    location /scgi/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        client_body_buffer_size 4k;
        scgi_pass_request_headers off;
        # A newer nginx has it by itself.
        scgi_param HTTP_HOST "" if_not_empty;
        scgi_param SCGI 1;
        scgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
"POST /scgi/data_updated\n$::Large"
--- tcp_listen: $TEST_NGINX_PORT_2
--- tcp_query eval
my $params = CORE::join '', map { "$_\0" } 'CONTENT_LENGTH', length $::Large,
                                     'SCGI', 1;
length($params) . ":$params,$::Large"
--- tcp_reply eval
"Status: 202 Accepted\r\nContent-Type: text/plain\r\n\r\ntaken\n"
--- error_code: 202
--- response_body
taken
--- timeout: 20
--- error_log
a client request body is buffered to a temporary file



=== TEST 31: a body in the answer is compressed, and gets more headers, as any
--- config
    location /gzip/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        gzip on;
        gzip_types application/json;
        gzip_min_length 1;
        add_header X-More yes always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /gzip/unknown\n$::Body", "POST /gzip/data_updated\n{"]
--- more_headers eval
$::Headers . "Accept-Encoding: gzip\n"
--- error_code eval
[404, 400]
--- response_headers eval
["Content-Encoding: gzip\nX-More: yes\n!Content-Length",
 "!Content-Encoding\nX-More: yes"]
--- response_body_filters eval
sub { $_[0] =~ /^\x1f\x8b/ ? Compress::Zlib::memGunzip($_[0]) : $_[0] }
--- response_body eval
[$::NoEvent, ::invalid_json(1)]



=== TEST 32: of an unbuffered upload whose upstream failed, half a body is not judged
--- config
    location /unbuffered/ {
        proxy_request_buffering off;
        proxy_http_version 1.1;
        error_page 502 = @hook;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;
    }

    location @hook {
        webhook luzmo;
        webhook_secret right slug=acme;
        try_files /none @accepted;
    }

    location @accepted {
        return 200 "accepted\n";
    }
--- client eval
sub {
    my $is = shift;
    my $length = length $::Body;

    my $socket = ::dial();
    ::put($socket, ::request('/unbuffered/data_updated', $::Body));
    $is->(::answer($socket), "200 accepted\n", 'the whole body');

    for ($length + 2, $length + 5000) {
        $socket = ::dial();
        ::put($socket, ::head('/unbuffered/data_updated',
                              'Content-Length' => $_), $::Body);
        $is->(::answer($socket) =~ /^[45]\d\d / ? 'refused' : 'accepted',
              'refused', 'half of it');
    }
}
--- error_log
connect() failed



=== TEST 33: of chunks that were too many, those before them are not judged
--- config
    location /limited/ {
        client_max_body_size 200;
        error_page 413 = @hook;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location @hook {
        webhook luzmo;
        webhook_secret right slug=acme;
        try_files /none @accepted;
    }

    location @accepted {
        return 200 "accepted\n";
    }
--- client eval
sub {
    my $is = shift;

    my $socket = ::dial();
    ::put($socket, ::head('/limited/data_updated',
                          'Transfer-Encoding' => 'chunked'),
                   ::chunks($::Body) =~ s/0\r\n\r\n\z//r);
    Time::HiRes::sleep(0.02);
    ::put($socket, ::chunks(' ' x 1000));
    $is->(::answer($socket) =~ /^[45]\d\d / ? 'refused' : 'accepted',
          'refused', 'the event before them');
}
--- error_log
client intended to send too large chunked body



=== TEST 34: HTTP/2: what went to an upstream as it arrived can't be checked
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my $stream = 1;
    my @head = ('X-Secret' => 'right', 'Content-Type' => 'application/json');
    my $body = $::Body . ' ' x 3000;

    for my $length (['Content-Length' => 10 * length $body], []) {
        ::put($socket, ::headers($stream, '/streamed/data_updated', @head,
                                 @$length));

        for (1 .. 10) {
            ::put($socket, ::data($stream, $body));
            Time::HiRes::sleep(0.01);
        }

        ::put($socket, ::end($stream));
        $is->(::answer2($socket, $stream), '500 ' . ::page('500 Internal '
              . 'Server Error'), @$length ? 'with a length' : 'without');
        $stream += 2;
    }
}
--- error_log
webhook luzmo can't check a body that another location has discarded
