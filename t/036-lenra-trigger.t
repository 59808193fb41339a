use lib 't/lib';
use WebhookTest 'no_plan';

# Lenra application webhooks: triggered, and what the application gets of it.

use Answers qw(refused);
use HTTPClient qw($Head answer answer2 chunks data dial dial2 frame headers
                  put);
use IO::Select ();
use IO::Socket::INET ();
use LenraTest;
use Time::HiRes ();


# --- upstream, by hand ----------------------------------------------------

# Sends a request, takes it in upstream's place, at port 2, answers with
# $reply.  Returns what upstream got, of which $length bytes are waited for and
# then a little longer, and what the caller got.
sub through {
    my ($request, $length, $reply) = @_;

    my $listen = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1',
                                       LocalPort => $ENV{TEST_NGINX_PORT_2})
                 or die "listen: $!";

    my $socket = dial();
    put($socket, $request);

    IO::Select->new($listen)->can_read(10) or return ('nothing', '');

    my $upstream = $listen->accept;
    my $select = IO::Select->new($upstream);
    my $in = '';

    while ($select->can_read(length $in < $length ? 5 : 0.05)) {
        sysread($upstream, $in, 65536, length $in) or last;
    }

    $upstream->autoflush(1);
    print $upstream $reply;
    close $upstream;

    return ($in, answer($socket));
}

our $Taken = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken";

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: trigger: one answer for all that is unknown
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $gone = ::made();
    my $other = ::made(undef, ::bearer('other'));
    my %heads;

    ::remove($gone);

    for (["$::App/webhooks/$::Nobody", 'an unknown webhook'],
         ["$::Nobody/webhooks/$uuid", 'an unknown app'],
         ["$::Nobody/webhooks/$::Nobody", 'both'],
         ["$::Other/webhooks/$uuid", "another app's UUID"],
         ["$::App/webhooks/$other", "another app's webhook"],
         ["$::App/webhooks/$gone", 'a deleted one'],
         ["$::App/webhooks/x", 'a malformed webhook'],
         ["x/webhooks/$uuid", 'a malformed app'],
         ["$uuid/webhooks/$::App", 'the wrong way round'],
         ["$::App/webhooks/" . $uuid =~ s/-//gr, 'without hyphens'])
    {
        for my $token (undef, 'Bearer alpha', 'Bearer x') {
            for my $body ('{}', '{', undef) {
                $is->(::call('POST', "/lenra/apps/$_->[0]", $body,
                             Authorization => $token), $::NotFound, $_->[1]);
                $heads{$::Head =~ s/\r\nDate: [^\r]+//r}++;
            }
        }
    }

    $is->(CORE::join('|', keys %heads),
          "HTTP/1.1 404 Not Found\r\nServer: nginx\r\n"
          . "Content-Type: application/json\r\n"
          . 'Content-Length: ' . (length($::NotFound) - 4) . "\r\n"
          . "Connection: keep-alive\r\n\r\n", 'one head');

    ::wipe();
}
--- error_log
webhook lenra refused: not_found



=== TEST 2: trigger: what upstream gets of an event
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    for ('{}', '{"a":1}', "{ \"a\" :\r\n\t[ ] }", '{"a":1,"a":2}',
         '{"action":"x","props":1,"event":{"_json":0}}',
         '{"n":[9223372036854775808,-1e400,1.10,-0],"s":"\ud800\u0000\/"}',
         "{\"$::Emoji\":\"\xc3\xa9 \x7f\"}",
         '{"a":' x 511 . '{}' . '}' x 511)
    {
        $is->(::trigger($uuid, $_), ::passed(::event($_)), substr $_, 0, 40);
    }

    for ('[]', '[1,{"a":[null]}]', '[' x 512 . ']' x 512, '"x"', '""',
         '"\ud83d\ude00 \" \u0000"', "\"$::Emoji\"", '0', '-0', '1.50',
         '1E400', '123456789012345678901234567890', 'true', 'false', 'null')
    {
        $is->(::trigger($uuid, $_), ::passed(::event("{\"_json\":$_}")),
              substr $_, 0, 40);
    }

    for my $space (' ', "\n", "\r\n\t ", ' ' x 5000) {
        my $name = 'spaces, ' . length $space;

        $is->(::trigger($uuid, "$space\{\"a\":1}$space"),
              ::passed(::event("$space\{\"a\":1}$space")), "$name, object");

        for ('[1]', '1', '"x"', 'null') {
            $is->(::trigger($uuid, "$space$_$space"),
                  ::passed(::event("{\"_json\":$space$_$space}")),
                  "$name, $_");
        }
    }

    for ('application/json;charset=utf-8', 'application/cloudevents+json',
         'APPLICATION/JSON')
    {
        $is->(::trigger($uuid, '{"a":1}', 'Content-Type' => $_),
              ::passed(::event('{"a":1}')), "$_ becomes application/json");
    }

    ::wipe();
}



=== TEST 3: trigger: no body
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    $is->(::trigger($uuid), ::passed(::event('{}')), 'no Content-Length');
    $is->(::trigger($uuid, '', 'Content-Type' => undef),
          ::passed(::event('{}')), 'Content-Length: 0');
    $is->(::trigger($uuid, '', 'Content-Type' => $_), ::passed(::event('{}')),
          "with $_")
        for 'application/json', 'application/x-www-form-urlencoded', 'a/b';
    $is->(::trigger($uuid, undef, 'Content-Type' => 'application/json',
                    'Transfer-Encoding' => "chunked\r\n\r\n0"),
          ::passed(::event('{}')), 'in no chunks');
    $is->(::trigger($uuid, '{}'), ::passed(::event('{}')), 'an empty object');
    $is->(::trigger($uuid, ' '), ::syntax(1), 'a space is a body');

    ::wipe();
}



=== TEST 4: trigger: no body, but an encoding
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    $is->(::trigger($uuid, '', 'Content-Encoding' => 'gzip'), $::Encoding,
          'Content-Length: 0');
    $is->(::trigger($uuid, undef, 'Content-Encoding' => 'gzip'), $::Encoding,
          'no Content-Length');

    ::wipe();
}



=== TEST 5: trigger: refused, and nothing is passed
--- config
    location /refused/ {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $call = sub {
        ::call('POST', "/refused/apps/$::App/webhooks/$uuid", @_);
    };

    for (undef, '', 'text/plain', 'application/x-www-form-urlencoded',
         'application/jsonx')
    {
        $is->($call->('{}', 'Content-Type' => $_), $::Type, $_ // 'none');
    }

    for ('gzip', 'deflate', 'identity, gzip') {
        $is->($call->("\x1f\x8b\x08", 'Content-Encoding' => $_), $::Encoding,
              $_);
    }

    for (['{', 1], ['{"a":1,}', 7], ['{}{}', 2], ['a=b', 0], [' ', 1],
         ['[1,]', 3], ["\"\xc3\"", 2], ["\x00", 0], ['"\ud8"', 5],
         ['[' x 513 . ']' x 513, 512], ['{"a":' x 513, 2560],
         [$::Large . ',', length $::Large],
         [substr($::Large, 0, -1), length($::Large) - 1])
    {
        $is->($call->($_->[0]), ::syntax($_->[1]), substr $_->[0], 0, 40);
        $is->(::field('Content-Type'), 'application/json', 'media type');
    }

    ::wipe();
}
--- no_error_log
connect() failed
[error]
[crit]



=== TEST 6: trigger: large bodies, in memory, in a file, in chunks, slowly
--- config
    location /small/ {
        webhook lenra zone=z;
        client_body_buffer_size 1k;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /memory/ {
        webhook lenra zone=z;
        client_body_buffer_size 8m;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /single/ {
        webhook lenra zone=z;
        client_body_buffer_size 8m;
        client_body_in_single_buffer on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /in-file/ {
        webhook lenra zone=z;
        client_body_in_file_only clean;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /unbuffered/ {
        webhook lenra zone=z;
        client_body_buffer_size 1k;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $props = '{"p":"' . 'x' x 20_000 . '"}';
    my $uuid = ::made("{\"action\":\"a\",\"props\":$props}");
    my $array = $::Large =~ s/^\{"n":|\}\z//gr;

    for my $prefix ('lenra', 'small', 'memory', 'single', 'in-file',
                    'unbuffered')
    {
        my $uri = "/$prefix/apps/$::App/webhooks/$uuid";

        for my $body ('{"a":1}', '[1]', $::Large, $array, " $array\n") {
            my $event = $body =~ /^\{/ ? $body : "{\"_json\":$body}";
            my $passed = ::passed(::event($event, '"a"', $props));
            my $name = "$prefix, " . length $body;

            $is->(::call('POST', $uri, $body), $passed, $name);

            for my $size (length $body > 100 ? (999, 60_000) : (1, 3)) {
                $is->(::call('POST', $uri, undef,
                             'Content-Type' => 'application/json',
                             'Transfer-Encoding' => "chunked\r\n\r\n"
                             . ::chunks($body =~ /.{1,$size}/gs)
                               =~ s/\r\n\r\n\z//r),
                      $passed, "$name, chunks of $size");
            }
        }

        my $socket = ::dial();

        for (split //, ::request('POST', $uri, "[\"$::Emoji\"]")) {
            ::put($socket, $_);
            Time::HiRes::sleep(0.0003);
        }

        $is->(::answer($socket),
              ::passed(::event("{\"_json\":[\"$::Emoji\"]}", '"a"', $props)),
              "$prefix, byte by byte");

        $is->(::call('POST', $uri), ::passed(::event('{}', '"a"', $props)),
              "$prefix, nothing");
        $is->(::call('POST', $uri, "$array]"), ::syntax(length $array),
              "$prefix, an error at the end");
    }

    ::wipe();
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 7: trigger: over HTTP/2
--- http2
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_3;

        location / {
            webhook lenra zone=z;
        }
    }
--- client eval
sub {
    my $is = shift;
    my @json = ('content-type' => 'application/json');
    my $socket = ::dial2();
    my $stream = 1;

    my $call = sub {
        my ($method, $path, $body, @header) = @_;

        ::put($socket, ::headers($stream, $method, $path, !defined $body,
                                 @header));

        if (defined $body) {
            # the last frame may be an empty one
            ::put($socket, ::data($stream, $_)) for $body =~ /.{1,10000}/gs;
            ::put($socket, ::data($stream, '', 1));
        }

        my $answer = ::answer2($socket, $stream);
        $stream += 2;
        return $answer;
    };

    my @token = (authorization => 'Bearer alpha');

    my $answer = $call->('POST', '/lenra/app/webhooks', '{"action":"a"}', @json,
                         @token);
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
    my $webhook = ::webhook($uuid, '"a"');

    $is->($answer, "200 $webhook\n", 'created');
    $is->($call->('GET', '/lenra/app/webhooks', undef, @token),
          "200 [$webhook]\n", 'listed');
    $is->($call->('GET', "/lenra/app/webhooks/$uuid", undef, @token),
          "200 $webhook\n", 'got');

    my $path = "/lenra/apps/$::App/webhooks/$uuid";

    for my $body ('{"a":1}', '[1]', ' "x" ', '{}', $::Large =~ s/\n//gr) {
        my $event = $body =~ /^\{/ ? $body : "{\"_json\":$body}";

        last if length $body > 65535;

        $is->($call->('POST', $path, $body, @json),
              ::passed(::event($event)), "without a length: $body");
        $is->($call->('POST', $path, $body, @json,
                      'content-length' => length $body),
              ::passed(::event($event)), "with a length: $body");
    }

    $is->($call->('POST', $path, undef), ::passed(::event('{}')),
          'no body at all');
    $is->($call->('POST', $path, undef, 'content-length' => 0),
          ::passed(::event('{}')), 'no body, with a length');
    $is->($call->('POST', $path, '', @json), ::passed(::event('{}')),
          'an empty frame');
    $is->($call->('POST', $path, '', @json, 'content-length' => 0),
          ::passed(::event('{}')), 'an empty frame, with a length');
    $is->($call->('POST', $path, '{"a":', @json), ::syntax(5), 'no JSON');
    $is->($call->('POST', "$path/", '{}', @json), $::NotFound, 'no route');
    $is->($call->('DELETE', "/lenra/app/webhooks/$uuid", 'xx', @token), '204 ',
          'deleted');
    $is->($call->('POST', $path, '{}', @json), $::NotFound, 'gone');
}



=== TEST 8: trigger: variables
--- client eval
sub {
    my $is = shift;

    for (['"deploy"', 'deploy'], ['"a b\tc"', 'a b%09c'],
         ['"x\r\nX-Evil: 1\n\r\n{"', 'x%0D%0AX-Evil: 1%0A%0D%0A{'],
         ['"\u0000\u0001\u001f\u007f' . "\x7f" . ' \u0020~"',
          '%00%01%1F%7F%7F  ~'],
         ['"%0a \"q\" \\\\ \/ \u00e9 ' . "\xc3\xa9\"",
          "%0a \"q\" \\ / \xc3\xa9 \xc3\xa9"],
         ['"\ud83d\ude00' . "$::Emoji\"", "$::Emoji$::Emoji"])
    {
        my ($action, $shown) = @$_;
        my $uuid = ::made("{\"action\":$action,\"user_id\":-5}");

        $is->(::trigger($uuid, '{}'),
              ::passed(::event('{}', $action), "[lenra|||$::App|$shown|1|-5]"),
              $action);
    }

    my $uuid = ::made(undef, ::bearer('other'));

    $is->(::call('POST', '/lenra/apps/' . uc($::Other) . "/webhooks/$uuid",
                 '{}'),
          ::passed(::event('{}'),
                   "[lenra|||$::Other|a|-7|-9223372036854775808]"),
          "the other app's");

    $uuid = ::made(undef, ::bearer('upper'));

    $is->(::trigger($uuid, '{}', ::bearer('of-a-user')),
          ::passed(::event('{}'), "[lenra|||$::App|a|9223372036854775807|]"),
          "the webhook's, not the caller's");

    ::wipe();
}



=== TEST 9: trigger: the bytes of the request to upstream
--- config
    location /one/ {
        webhook lenra zone=z;
        # A newer nginx has other defaults of these two.
        proxy_http_version 1.0;
        proxy_set_header Host up;
        proxy_set_header Connection close;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2/to;
    }

    location /off/ {
        webhook lenra zone=z;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_set_header Host up;
        proxy_set_header Connection close;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2/to;
    }
--- client eval
sub {
    my $is = shift;
    my $props = '{"p":[1.0]}';
    my $uuid = ::made("{\"action\":\"\\u0061\",\"props\":$props}");
    my @type = ('Content-Type' => 'application/a+json; charset=utf-8');
    my $type = "Content-Type: application/json\r\n";

    for my $prefix ('one', 'off') {
        my $first = $prefix eq 'one' ? 'HTTP/1.0' : 'HTTP/1.1';

        for my $body ('{"a":1}', "[1]\n", undef) {
            my $event = !defined $body ? '{}'
                        : $body =~ /^\{/ ? $body : "{\"_json\":$body}";
            my $wrapped = ::event($event, '"\u0061"', $props);

            my %as = ('with a length' => [defined $body ? ('Content-Length' =>
                                                           length $body) : ()]);

            if (defined $body) {
                $as{'in chunks'} = ['Transfer-Encoding' => 'chunked'];
            }

            for my $how (sort keys %as) {
                my $expected
                    = "POST /toapps/$::App/webhooks/$uuid $first\r\n"
                    . "Host: up\r\nConnection: close\r\n"
                    . 'Content-Length: ' . length($wrapped) . "\r\n"
                    . (defined $body ? $type : '')
                    . "X-Own: kept\r\n"
                    . (defined $body ? '' : $type)
                    . "\r\n$wrapped";

                my $request = ::head('POST',
                                     "/$prefix/apps/$::App/webhooks/$uuid",
                                     Authorization => undef, 'X-Own' => 'kept',
                                     defined $body ? @type : (),
                                     @{ $as{$how} });

                $request .= $how eq 'in chunks' ? ::chunks($body =~ /.{1,2}/gs)
                                                : $body // '';

                my ($got, $answer) = ::through($request, length $expected,
                                               $::Taken);

                $is->($got, $expected, "$prefix, $event, $how");
                $is->($answer, '200 taken', 'its answer');
            }
        }
    }

    ::wipe();
}



=== TEST 10: trigger: upstream's status, headers and body are the caller's
--- config
    location /up/ {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $request = ::request('POST', "/up/apps/$::App/webhooks/$uuid", '{}');

    for ([200, 'OK', 'text/plain', 'fine'], [201, 'Created', 'a/b', '{"x":1}'],
         [202, 'Accepted', 'application/json', ''],
         [302, 'Moved Temporarily', 'text/html', 'there'],
         [400, 'Bad Request', 'application/json', '{"message":"mine"}'],
         [401, 'Unauthorized', 'text/plain', 'not you'],
         [404, 'Not Found', 'text/plain', 'not here'],
         [409, 'Conflict', 'text/plain', 'no'],
         [418, "I'm a teapot", 'text/plain', 'tea'],
         [500, 'Internal Server Error', 'text/html', 'oops'],
         [503, 'Service Unavailable', 'text/plain', 'later'])
    {
        my ($status, $phrase, $type, $body) = @$_;
        my $fields = "Content-Type: $type\r\nContent-Length: " . length($body)
                     . "\r\nConnection: keep-alive\r\nX-Up: a\r\nX-Up: b\r\n"
                     . 'Retry-After: 77';

        my (undef, $answer) = ::through($request, 0,
            "HTTP/1.1 $status $phrase\r\n" . $fields =~ s/Connection.*?\n//sr
            . "\r\n\r\n$body");

        $is->($answer, "$status $body", $status);
        $is->($::Head =~ s/\r\nDate: [^\r]+//r,
              "HTTP/1.1 $status $phrase\r\nServer: nginx\r\n$fields\r\n\r\n",
              "$status, the head");
    }

    my (undef, $answer) = ::through($request, 0,
                                    "HTTP/1.1 204 No Content\r\n\r\n");
    $is->($answer, '204 ', '204');

    ::wipe();
}



=== TEST 11: trigger: fastcgi_pass
--- config
    location /cgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        fastcgi_pass_request_headers off;
        # A newer nginx has it by itself.
        fastcgi_param HTTP_HOST "" if_not_empty;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /early/ {
        webhook lenra zone=z;

        set $early "$content_length $content_type $http_content_length";
        set $early "$early $http_content_type";

        fastcgi_pass_request_headers off;
        # A newer nginx has it by itself.
        fastcgi_param HTTP_HOST "" if_not_empty;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made('{"action":"a","props":{"p":1}}');

    my $record = sub {
        my ($type, $content) = @_;
        my $padding = -length($content) % 8;

        return pack('CCnnCC', 1, $type, 1, length $content, $padding, 0)
               . $content . "\0" x $padding;
    };

    my $out = "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\ntaken\n";
    my $reply = pack('CCnnCC', 1, 6, 1, length $out, 0, 0) . $out
                . pack('CCnnCC', 1, 3, 1, 8, 0, 0) . "\0" x 8;

    for (['cgi', '{"a":1}'], ['cgi', '[1]'], ['cgi', ''],
         ['cgi', '"' . 'x' x 3000 . '"'], ['cgi', '{}', 'application/a+json'],
         ['early', '{"a":1}'], ['early', 'null'], ['early', ''],
         ['early', '{}', 'application/a+json'])
    {
        my ($prefix, $body, $type) = @$_;
        my $event = $body eq '' ? '{}'
                    : $body =~ /^\{/ ? $body : "{\"_json\":$body}";
        my $wrapped = ::event($event, '"a"', '{"p":1}');

        my @params = (CONTENT_LENGTH => length $wrapped,
                      CONTENT_TYPE => 'application/json');
        my $params = '';

        while (my ($name, $value) = splice @params, 0, 2) {
            $params .= pack 'CC', length $name, length $value;
            $params .= "$name$value";
        }

        my $expected = $record->(1, pack 'nC6', 1, (0) x 6)
                       . $record->(4, $params) . $record->(4, '');

        my ($got, $answer) = ::through(
            ::request('POST', "/$prefix/apps/$::App/webhooks/$uuid", $body,
                      'Content-Type' => $type // 'application/json'),
            length($expected) + length($wrapped) + 24, $reply);

        my $head = substr $got, 0, length $expected, '';
        my $stdin = '';

        # how nginx divides the body is its own business
        while ($got =~ s/^\x01\x05\x00\x01(..)(.)\x00//s) {
            my ($length, $padding) = (unpack('n', $1), ord $2);
            $stdin .= substr $got, 0, $length, '';
            substr $got, 0, $padding, '';
        }

        my $name = "$prefix, " . substr $body, 0, 20;

        $is->($head, $expected, "$name, parameters");
        $is->($stdin, $wrapped, "$name, body");
        $is->($got, '', "$name, nothing else");
        $is->($answer, "201 taken\n", "$name, answer");
    }

    ::wipe();
}



=== TEST 12: trigger: scgi_pass and uwsgi_pass
--- config
    location /scgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        scgi_pass_request_headers off;
        # A newer nginx has it by itself.
        scgi_param HTTP_HOST "" if_not_empty;
        scgi_param SCGI 1;
        scgi_param CONTENT_TYPE $content_type;
        scgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /uwsgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        uwsgi_pass_request_headers off;
        # A newer nginx has it by itself.
        uwsgi_param HTTP_HOST "" if_not_empty;
        uwsgi_param CONTENT_LENGTH $content_length;
        uwsgi_param CONTENT_TYPE $content_type;
        uwsgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $reply = "Status: 202 Accepted\r\nContent-Type: text/plain\r\n\r\nok\n";

    for my $body ('{"a":1}', '[1]', '', '"' . 'x' x 3000 . '"', $::Large) {
        my $event = $body eq '' ? '{}'
                    : $body =~ /^\{/ ? $body : "{\"_json\":$body}";
        my $wrapped = ::event($event);
        my $name = substr $body, 0, 20;

        my $params = CORE::join '', map { "$_\0" }
            'CONTENT_LENGTH', length $wrapped, 'SCGI', 1,
            'CONTENT_TYPE', 'application/json';
        my $expected = length($params) . ":$params,$wrapped";

        my ($got, $answer) = ::through(
            ::request('POST', "/scgi/apps/$::App/webhooks/$uuid", $body),
            length $expected, $reply);

        $is->($got, $expected, "scgi, $name");
        $is->($answer, "202 ok\n", "scgi, $name, answer");

        $params = CORE::join '', map { pack 'v/a', $_ }
            'CONTENT_LENGTH', length $wrapped,
            'CONTENT_TYPE', 'application/json';
        $expected = pack('CvC', 0, length $params, 0) . "$params$wrapped";

        ($got, $answer) = ::through(
            ::request('POST', "/uwsgi/apps/$::App/webhooks/$uuid", $body),
            length $expected, $reply);

        $is->($got, $expected, "uwsgi, $name");
        $is->($answer, "202 ok\n", "uwsgi, $name, answer");
    }

    ::wipe();
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 13: trigger: after a redirect the body is wrapped once
--- http_config
    upstream second {
        server 127.0.0.1:$TEST_NGINX_PORT_9;
        server 127.0.0.1:$TEST_NGINX_PORT_1 backup;
    }
--- config
    location /down/ {
        webhook lenra zone=z;
        error_page 502 = @fallback;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;
    }

    location /again/ {
        webhook lenra zone=z;
        error_page 502 = @judging;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;
    }

    location /tried/ {
        webhook lenra zone=z;
        try_files /nothing @fallback;
    }

    location /next/ {
        webhook lenra zone=z;
        client_body_buffer_size 1k;
        proxy_next_upstream error non_idempotent;
        proxy_pass http://second;
    }

    location @fallback {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location @judging {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    for my $prefix ('down', 'tried', 'next', 'again') {
        for ('{"a":1}', '[1]', '', "$::Large") {
            my $event = $_ eq '' ? '{}' : /^\{/ ? $_ : "{\"_json\":$_}";

            $is->(::call('POST', "/$prefix/apps/$::App/webhooks/$uuid", $_),
                  ::passed(::event($event)), "$prefix, " . substr $_, 0, 20);
        }

        $is->(::call('POST', "/$prefix/apps/$::App/webhooks/$uuid", '[1'),
              ::syntax(2), "$prefix, refused");
    }

    ::wipe();
}
--- error_log eval
[qr/connect\(\) failed/]



=== TEST 14: trigger: grpc_pass, also where the window ends before the tail
--- config
    location /grpc/ {
        webhook lenra zone=z;
        client_body_buffer_size 256k;
        grpc_set_header Content-Type $content_type;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $head = length(::event('{"_json":')) - 1;
    my $window = 65535;

    # the first window ends behind the tail, in it, before it, in the body
    for my $length (2, 1000, (map { $window - $head + $_ } -3 .. 3), 100_000) {
        my $body = '"' . 'x' x ($length - 2) . '"';
        my $wrapped = ::event("{\"_json\":$body}");

        # what is there now and then
        my ($data, $ended, $frames) = ('', 0, '');

        my $read = sub {
            my ($upstream) = @_;
            my $select = IO::Select->new($upstream);

            while ($select->can_read(0.05)) {
                sysread($upstream, $frames, 65536, length $frames) or last;
            }

            $frames =~ s/^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n//;

            while (length $frames >= 9) {
                my ($size, $type, $flags) = unpack 'NCC', "\0$frames";
                last if length $frames < 9 + $size;
                my $payload = substr $frames, 0, 9 + $size, '';

                next if $type != 0;
                $data .= $ended ? 'TOO LATE' : substr $payload, 9;
                $ended ||= $flags & 1;
            }
        };

        my $listen = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
                                           LocalAddr => '127.0.0.1',
                                           LocalPort => $ENV{TEST_NGINX_PORT_2})
                     or die "listen: $!";
        my $socket = ::dial();

        ::put($socket, ::request('POST', "/grpc/apps/$::App/webhooks/$uuid",
                                 $body));
        IO::Select->new($listen)->can_read(10) or die 'no connection';

        my $upstream = $listen->accept;
        $upstream->autoflush(1);

        $read->($upstream);
        $is->($ended, length $wrapped > $window ? 0 : 1,
              "$length: the end, so far");
        ::put($upstream, ::frame(4, 0, 0, ''),
                         map { ::frame(8, 0, $_, pack 'N', 1 << 20) } 0, 1);
        $read->($upstream);

        $is->($data, $wrapped, "$length: what upstream got");
        $is->($ended, 1, "$length: and that it is all");

        ::put($upstream, ::frame(1, 4, 1, "\x88"), ::data(1, 'taken', 1));
        $is->(::answer($socket), '200 taken', "$length: the answer");
        close $upstream;
    }

    ::wipe();
}



=== TEST 15: trigger: variables of the body that were asked for before it was wrapped
--- config
    location /early/ {
        webhook lenra zone=z;

        set $early "$content_length|$content_type";
        set $early "$early|$http_content_length|$http_content_type";

        proxy_set_header X-Show "$early -> $content_length|$content_type|$http_content_length|$http_content_type";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made('{"action":"a"}');
    my $socket = ::dial();
    my $path = "/early/apps/$::App/webhooks/$uuid";
    my $json = 'application/json';
    my $wrapped = ::event('{"x":1}', '"a"', 'null');
    my $n = length $wrapped;

    for (["7|application/a+json|7|application/a+json",
          "$n|$json|$n|$json",
          ::request('POST', $path, '{"x":1}',
                    'Content-Type' => 'application/a+json')],
         ["|$json||$json", "$n|$json||$json",
          ::head('POST', $path, 'Content-Type' => $json,
                 'Transfer-Encoding' => 'chunked') . ::chunks('{"x"', ':1}')])
    {
        my ($early, $late, $request) = @$_;

        ::put($socket, $request);
        $is->(::answer($socket),
              "200 POST $json $n $early -> $late\n$wrapped", $early);
    }

    ::wipe();
}



=== TEST 16: trigger: the file of the body is that of the event alone
--- config
    location /file/ {
        webhook lenra zone=z;

        client_body_in_file_only on;
        proxy_set_header X-Show $request_body_file;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made('{"action":"a"}');
    my $socket = ::dial();

    ::put($socket, ::request('POST', "/file/apps/$::App/webhooks/$uuid",
                             '{"x":1}'));

    my $wrapped = ::event('{"x":1}', '"a"', 'null');
    my ($head, $body) = split /\n/, ::answer($socket);
    my ($file) = $head =~ /(\S+)\z/;

    $is->($body, $wrapped, 'what upstream got');

    open my $in, '<', $file or die "$file: $!";
    $is->(scalar(<$in>), '{"x":1}', 'what is in the file');

    ::wipe();
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 17: a secret that is configured for triggers is asked for
--- config
    location /guarded/ {
        webhook lenra zone=z;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uri = "/guarded/apps/$::App/webhooks/" . ::made();

    $is->(::call('POST', $uri, '{"a":1}', 'X-Secret' => 'right'),
          ::passed(::event('{"a":1}')), 'with the secret');
    $is->(::call('POST', $uri, '{}', 'X-Secret' => 'wrong'),
          ::refused(lenra => 'invalid_secret'), 'with another one');
    $is->(::call('POST', $uri, '{}'), ::refused(lenra => 'missing_secret'),
          'without');
}
