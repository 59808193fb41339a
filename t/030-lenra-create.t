use lib 't/lib';
use WebhookTest 'no_plan';

# Lenra application webhooks: created, by tokens and by identities.

use HTTPClient qw($Head answer chunks dial put);
use LenraTest;
use Time::HiRes ();

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: create: the answer, its members in their order
--- client eval
sub {
    my $is = shift;

    my $answer = ::create('{"action":"deploy"}');
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, ::shown($uuid, '"deploy"'), 'all of it');
    $is->($::Head =~ s/\r\nDate: [^\r]+//r,
          "HTTP/1.1 200 OK\r\nServer: nginx\r\n"
          . "Content-Type: application/json\r\nContent-Length: 113\r\n"
          . "Connection: keep-alive\r\n\r\n", 'the head');

    $answer = ::create(' { "user_id" : 7 , "more":[{"action":1}],'
                       . '"props" : { "a" : 1.50 }, "action" : "b"}' . "\n");
    my ($second) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, ::shown($second, '"b"', '{ "a" : 1.50 }', 1, 7),
          'another order, members that nobody knows');
    $is->($uuid ne $second, 1, 'another UUID');

    $answer = ::create('{"\u0061ction":"c","pr\u006fps":{},"user\u005fid":1}');
    ($second) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, ::shown($second, '"c"', '{}', 1, 1),
          'names with escapes');

    ::wipe();
}



=== TEST 2: create: tokens that are none
--- client eval
sub {
    my $is = shift;

    for ([undef, $::Unauthenticated], ['', $::Unauthenticated],
         ['Bearer', $::Unauthenticated], ['Bearer   ', $::Unauthenticated],
         ['Basic YWxwaGE6', $::Unauthenticated],
         ['Basic alpha', $::Unauthenticated],
         ['alpha', $::Unauthenticated], ['Token alpha', $::Unauthenticated],
         ['Bearer:alpha', $::Unauthenticated],
         ['Bearer: alpha', $::Unauthenticated],
         ["Bearer\talpha", $::Unauthenticated],
         ['Beareralpha', $::Unauthenticated],
         ['Bearers alpha', $::Unauthenticated],
         ['XBearer alpha', $::Unauthenticated],
         ['Bearer alph', $::InvalidToken], ['Bearer alphaa', $::InvalidToken],
         ['Bearer Alpha', $::InvalidToken], ['Bearer ALPHA', $::InvalidToken],
         ['Bearer alpha beta-gamma', $::InvalidToken],
         ['Bearer alpha,', $::InvalidToken],
         ['Bearer "alpha"', $::InvalidToken],
         ['Bearer  beta', $::InvalidToken], ['Bearer =', $::InvalidToken],
         ['Bearer Bearer alpha', $::InvalidToken],
         ["Bearer unkn0wn-t0ken", $::InvalidToken],
         ['Bearer ' . 'alpha' x 1000, $::InvalidToken])
    {
        my ($value, $expected) = @$_;
        my $name = substr $value // 'none', 0, 40;

        $is->(::create('{"action":"a"}', Authorization => $value), $expected,
              "create: $name");
        $is->(::field('WWW-Authenticate'), 'Bearer', "$name, header");
        $is->(::field('Content-Type'), 'application/json', "$name, type");
        $is->(::get('', Authorization => $value), $expected, "list: $name");
        $is->(::get("/$::Nobody", Authorization => $value), $expected,
              "get: $name");
        $is->(::remove($::Nobody, Authorization => $value), $expected,
              "delete: $name");
    }

    $is->(::get(''), "200 []\n", 'nothing was created');
}
--- error_log
webhook lenra refused: unauthenticated
webhook lenra refused: invalid_token
--- no_error_log
unkn0wn
[error]
[crit]



=== TEST 3: create: the scheme in any case, several spaces
--- client eval
sub {
    my $is = shift;

    for ('Bearer alpha', 'BEARER alpha', 'bearer alpha', 'bEaReR alpha',
         'Bearer     alpha', 'bearer alpha   ')
    {
        my $answer = ::create('{"action":"a"}', Authorization => $_);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"'), $_);
    }

    ::wipe();
}



=== TEST 4: create: two Authorization headers are nginx's to refuse
--- client eval
sub {
    my $is = shift;

    for (['Bearer alpha', 'Bearer alpha'], ['Bearer alpha', 'Bearer no'],
         ['Basic eDp5', 'Bearer alpha'])
    {
        $is->(::create('{"action":"a"}', Authorization => $_),
              ::page('400 Bad Request'), CORE::join ', ', @$_);
    }

    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 5: create: several tokens, environments, users and apps
--- client eval
sub {
    my $is = shift;

    for (['alpha', 1], ['beta-gamma', 1], ['of-a-user', 1, 42],
         ['upper', '9223372036854775807'],
         ['other', -7, '-9223372036854775808'])
    {
        my ($token, $environment, $user) = @$_;

        for my $sent (undef, 'null', 7, -7) {
            my $body = '{"action":"a"' . (defined $sent ? ",\"user_id\":$sent"
                                                        : '') . '}';
            my $answer = ::create($body, ::bearer($token));
            my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
            my $expected = $user // $sent;

            $is->($answer, ::shown($uuid, '"a"', undef,
                                              $environment, $expected),
                  "$token, " . ($sent // 'no') . ' user_id');
        }
    }

    $is->(::create('{"action":"a","user_id":"7"}', ::bearer('of-a-user')),
          $::InvalidUser, 'an invalid one, although the token has its user');

    ::wipe();
}



=== TEST 6: create: actions come back as they were sent
--- client eval
sub {
    my $is = shift;

    for ('"a"', '"' . 'x' x 256 . '"', '"' . "\xc3\xa9" x 256 . '"',
         '"' . 'y' x 100_000 . '"', '" a "', '"0"', '"null"',
         '"\"quoted\" \\\\ \/ \\\\u0041 \u0041"',
         '"\u0000"', '" \u0001\n"', '"\b\f\n\r\t \u001f\u007f' . "\x7f" . '"',
         '"\ud83d\ude00 ' . $::Emoji . ' \uD83D\uDE00"',
         "\"\xe2\x80\xa8 \xef\xbf\xbf\"", '"<script>&amp;\'"', '"%41%0d%0a"')
    {
        my $name = substr($_, 0, 40) . ', ' . length;
        my $answer = ::create("{\"action\":$_}");
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
        my $webhook = ::webhook($uuid, $_);

        $is->($answer, "200 $webhook\n", "$name: created");
        $is->(::get("/$uuid"), "200 $webhook\n", "$name: got");
        $is->(::get(''), "200 [$webhook]\n", "$name: listed");
        $is->(::remove($uuid), '204 ', "$name: deleted");
    }
}



=== TEST 7: create: actions that are none
--- client eval
sub {
    my $is = shift;

    for ('{}', '{"action":null}', '{"action":""}', '{"action":" "}',
         '{"action":"\t"}', '{"action":" \t \u0020\u000a\u000b\f\r"}',
         '{"Action":"a"}', '{"a":{"action":"a"}}', '{"props":{}}',
         '{"action":null,"props":1,"user_id":"x"}')
    {
        $is->(::create($_), $::Blank, $_);
    }

    for (qw(7 -1 0 1.5 1e400 123456789012345678901234567890 true false [] ["a"]
            {} {"action":"a"} "\ud800" "\udc00a"), '[' x 500 . ']' x 500)
    {
        $is->(::create("{\"action\":$_}"), $::InvalidAction, substr $_, 0, 40);
    }

    $is->(::create('{"action":7,"props":[],"user_id":"x"}'), $::InvalidAction,
          'the first one counts');
    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 8: create: props come back as they were sent
--- client eval
sub {
    my $is = shift;

    for ('{}', '{ }', "{\n\t\"a\" : [ ] \r\n}",
         '{"n":[9223372036854775808,-123456789012345678901234567890,'
         . '1E400,1.10,-0,0.1e-999,1e+5]}',
         '{"a":1,"a":2,"\u0061":"\ud800\u0000\/"}',
         "{\"$::Emoji\":\"\xc3\xa9\",\"action\":7,\"props\":[],\"user_id\":{}}",
         '{"a":' x 100 . '{}' . '}' x 100,
         '{"a":' . '[' x 100 . ']' x 100 . '}',
         # two of the 512 are those of the body and props
         '{"a":' . '[' x 510 . ']' x 510 . '}',
         '{"a":"' . 'x' x 100_000 . '"}',
         substr($::Large, 0, 102_400) =~ s/,[^,]*\z/]}/r)
    {
        my $name = substr($_, 0, 40) . ', ' . length;

        for my $body ("{\"action\":\"a\",\"props\":$_}",
                      "{\"props\" : $_ , \"action\":\"a\"}")
        {
            my $answer = ::create($body);
            my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
            my $webhook = ::webhook($uuid, '"a"', $_);

            $is->($answer, "200 $webhook\n", "$name: created");
            $is->(::get("/$uuid"), "200 $webhook\n", "$name: got");
            $is->(::trigger($uuid, '{}'), ::passed(::event('{}', '"a"', $_)),
                  "$name: triggered");
            $is->(::remove($uuid), '204 ', "$name: deleted");
        }
    }

    for ('{"action":"a","props":null}', '{"action":"a"}',
         '{"action":"a","Props":{}}')
    {
        my $answer = ::create($_);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"'), $_);
        $is->(::remove($uuid), '204 ', "$_: deleted");
    }
}



=== TEST 9: create: props that are none
--- client eval
sub {
    my $is = shift;

    for (qw([] [{}] "x" "" "{}" 1 0 1e400 true false), '[' x 100 . ']' x 100) {
        $is->(::create("{\"action\":\"a\",\"props\":$_}"), $::InvalidProps,
              substr $_, 0, 40);
    }

    $is->(::create('{"action":"a","props":[],"user_id":"x"}'), $::InvalidProps,
          'the first one counts');
    $is->(::create('{"action":"a","props":{"a":' . '[' x 511 . ']' x 511
                   . '}}'), ::syntax(27 + 510), '513 deep');
    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 10: create: user_id
--- client eval
sub {
    my $is = shift;

    for (qw(0 7 -7 9223372036854775807 -9223372036854775808 null)) {
        my $answer = ::create("{\"action\":\"a\",\"user_id\":$_}");
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
        my $webhook = ::webhook($uuid, '"a"', undef, 1, $_);

        $is->($answer, "200 $webhook\n", $_);
        $is->(::get("/$uuid"), "200 $webhook\n", "$_: got");
    }

    for (qw("7" "" 1.5 7.0 1e3 1E400 9223372036854775808 -9223372036854775809
            123456789012345678901234567890 true false [] [7] {} {"user_id":7}))
    {
        $is->(::create("{\"action\":\"a\",\"user_id\":$_}"), $::InvalidUser,
              $_);
    }

    ::wipe();
}



=== TEST 11: create: a member twice
--- client eval
sub {
    my $is = shift;

    my %value = (action => '"a"', props => '{}', user_id => 7);
    my %escaped = (action => '\u0061ction', props => '\u0070rops',
                   user_id => 'user\u005fid');

    for my $name (sort keys %value) {
        my $all = CORE::join ',', map { "\"$_\":$value{$_}" } sort keys %value;

        for ("\"$name\":$value{$name}", "\"$name\":null", "\"$name\":[1]",
             "\"$escaped{$name}\":$value{$name}")
        {
            $is->(::create("{$all,$_}"), ::twice($name), "$_ behind");
            $is->(::create("{$_,$all}"), ::twice($name), "$_ before");
        }

        $is->(::field('Content-Type'), 'application/json', 'media type');

        $is->(::create("{\"$name\":1,\"$name\":1}"), ::twice($name),
              "$name: before all that is missing or wrong");
    }

    $is->(::create('{"user_id":1,"user_id":1,"props":1,"props":1,"action":1,'
                   . '"action":1}'), ::twice('action'), 'all three');
    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 12: create: bodies that are no object, or not JSON
--- client eval
sub {
    my $is = shift;

    for ('[]', '[{"action":"a"}]', '"action"', '1', 'null', 'true') {
        $is->(::create($_), $::Blank, $_);
    }

    for (['{', 1], ['{"action":"a"', 13], ['{"action":"a",}', 14],
         ['{"action":"a"}}', 14], ["{\"action\":\"a\xff\"}", 12],
         ["{\"action\":\"a\n\"}", 12], ["\xef\xbb\xbf{\"action\":\"a\"}", 0],
         ['action=a', 0], ["{'action':'a'}", 1], ['   ', 3],
         ['{"action":"a"} {"action":"a"}', 15], ['{"action":01}', 11],
         ['[' x 513, 512])
    {
        $is->(::create($_->[0]), ::syntax($_->[1]), substr $_->[0], 0, 40);
    }

    $is->(::create(''), $::Empty, 'empty');
    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 13: create: arguments are no body
--- client eval
sub {
    my $is = shift;
    my $uri = '/lenra/app/webhooks?action=a&props={}&user_id=7';
    my $json = 'application/json';

    $is->(::call('POST', $uri), $::Type, 'no body, no type');
    $is->(::call('POST', $uri, ''), $::Empty, 'an empty body');
    $is->(::call('POST', $uri, '{}'), $::Blank, 'an empty object');
    $is->(::call('POST', $uri, 'action=a',
                 'Content-Type' => 'application/x-www-form-urlencoded'),
          $::Type, 'a form');
    $is->(::get(''), "200 []\n", 'nothing was created');
}



=== TEST 14: create: media type and encoding
--- client eval
sub {
    my $is = shift;
    my $body = '{"action":"a"}';

    for (undef, '', 'text/plain', 'text/json', 'application/jsonx',
         'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x',
         'application/+json', 'application/json, text/plain', '*/*')
    {
        $is->(::create($body, 'Content-Type' => $_), $::Type, $_ // 'none');
    }

    for ('gzip', 'deflate', 'br', 'identity, gzip', 'gzip, identity', 'x') {
        $is->(::create($body, 'Content-Encoding' => $_), $::Encoding, $_);
    }

    $is->(::create($body, 'Content-Encoding' => ['identity', 'gzip']),
          $::Encoding, 'two of them');

    $is->(::get(''), "200 []\n", 'nothing was created');

    for (['Content-Type' => 'APPLICATION/JSON'],
         ['Content-Type' => 'application/json; charset=utf-8'],
         ['Content-Type' => 'application/json;x'],
         ['Content-Type' => 'application/vnd.lenra+json'],
         ['Content-Encoding' => 'identity'], ['Content-Encoding' => ''])
    {
        my $answer = ::create($body, @$_);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"'), "@$_");
    }

    ::wipe();
}



=== TEST 15: two media types are none
--- client eval
sub {
    my $is = shift;
    my @types = ('application/json', 'text/plain');

    $is->(::create('{"action":"a"}', 'Content-Type' => \@types), $::Type,
          'create');

    my $uuid = ::made();

    $is->(::trigger($uuid, '{}', 'Content-Type' => \@types), $::Type,
          'trigger');
    $is->(::trigger($uuid, undef, 'Content-Type' => \@types), $::Type,
          'trigger without a body');
    ::wipe();
}



=== TEST 16: create: the body in chunks, byte for byte, in a file
--- config
    location /file/ {
        webhook lenra zone=z;
        client_body_buffer_size 64;
    }
--- client eval
sub {
    my $is = shift;
    my $props = substr($::Large, 0, 50_000) =~ s/,[^,]*\z/]}/r;

    for my $uri ('/lenra/app/webhooks', '/file/app/webhooks') {
        for (["\"say \\\"$::Emoji\\\"\"", '{"a":[1.10,123456789012345678901]}'],
             ['"a"', $props])
        {
            my ($action, $sent) = @$_;
            my $body = "{\"pad\":\"" . 'p' x 100 . "\",\"action\":$action,"
                       . "\"props\":$sent,\"user_id\":-3}";

            for my $size (1, 7, 1000, 60_000) {
                next if $size < 10 && length $body > 1000;

                my $answer = ::call('POST', $uri, undef,
                                    'Content-Type' => 'application/json',
                                    'Transfer-Encoding' => "chunked\r\n\r\n"
                                    . ::chunks($body =~ /.{1,$size}/gs)
                                      =~ s/\r\n\r\n\z//r);
                my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

                $is->($answer,
                      ::shown($uuid, $action, $sent, 1, -3),
                      "$uri, chunks of $size");
            }
        }

        my $body = '{"props":{"a":1},"user_id":12,"action":"slow"}';
        my $socket = ::dial();

        for (split //, ::request('POST', $uri, $body)) {
            ::put($socket, $_);
            Time::HiRes::sleep(0.0005);
        }

        my $answer = ::answer($socket);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"slow"', '{"a":1}', 1, 12),
              "$uri, byte by byte");
    }

    ::wipe();
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 17: webhook_identity
--- config
    location /id/ {
        set $environment $http_x_environment;

        webhook lenra zone=z;
        webhook_identity app=$http_x_app environment=$environment
                         user=$http_x_user;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /mapped/ {
        webhook lenra zone=z;
        webhook_identity app=$mapped environment=5;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- http_config
    map $http_x_name $mapped {
        one  8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11;
        odd  one;
    }
--- client eval
sub {
    my $is = shift;
    my @none = (Authorization => undef);
    my $body = '{"action":"a","user_id":1}';
    my $call = sub { ::call('POST', '/id/app/webhooks', $body, @none, @_) };

    for ([1, undef, undef], [0, 7, 7], [-7, '', undef],
         ['9223372036854775807', '-9223372036854775808',
          '-9223372036854775808'],
         ['-9223372036854775808', '9223372036854775807',
          '9223372036854775807'])
    {
        my ($environment, $user, $expected) = @$_;

        for my $app ($::App, uc $::App) {
            my $answer = $call->('X-App' => $app, 'X-User' => $user,
                                 'X-Environment' => $environment);
            my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

            $is->($answer, ::shown($uuid, '"a"', undef,
                                              $environment, $expected // 1),
                  "$environment, " . ($user // 'no user'));
            $is->(::get("/$uuid"), $answer, 'the same app, by its token');
            $is->(::trigger($uuid, '{}'),
                  ::passed(::event('{}'), "[lenra|||$::App|a|$environment|"
                                          . ($expected // 1) . ']'),
                  'triggered');
            $is->(::call('DELETE', "/id/app/webhooks/$uuid", undef,
                         'X-App' => $::Other, 'X-Environment' => 1),
                  $::NotFound, "not another app's");
            $is->(::call('DELETE', "/id/app/webhooks/$uuid", undef,
                         'X-App' => $app, 'X-Environment' => 1),
                  '204 ', 'deleted');
        }
    }

    for ([], ['X-App' => ''], ['X-Environment' => 1, 'X-User' => 1],
         ['Authorization' => 'Bearer alpha'])
    {
        $is->($call->(@$_), $::Unauthenticated, "who? @$_");
        $is->(::field('WWW-Authenticate'), 'Bearer', 'header');
    }

    for (['X-App' => 'x', 'X-Environment' => 1],
         ['X-App' => "{$::App}", 'X-Environment' => 1],
         ['X-App' => "$::App$::App", 'X-Environment' => 1],
         ['X-App' => $::App =~ s/.$//r, 'X-Environment' => 1],
         ['X-App' => $::App =~ s/8/g/r, 'X-Environment' => 1],
         ['X-App' => $::App],
         (map { ['X-App' => $::App, 'X-Environment' => $_] }
              '', '-', '+1', 'x', '1x', '1.5', '1e3', '0x1', '- 1', '--1',
              '9223372036854775808', '-9223372036854775809',
              '000000000000000000000000000001'),
         (map { ['X-App' => $::App, 'X-Environment' => 1, 'X-User' => $_] }
              '-', 'x', 'null', '1.5', '9223372036854775808'))
    {
        $is->($call->(@$_), $::InvalidToken, "@$_");
        $is->(::field('WWW-Authenticate'), 'Bearer', 'header');
    }

    my $answer = ::call('POST', '/mapped/app/webhooks', $body, @none,
                        'X-Name' => 'one');
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, ::shown($uuid, '"a"', undef, 5, 1), 'by a map');
    $is->(::call('GET', '/mapped/app/webhooks', undef, @none,
                 'X-Name' => 'two'), $::Unauthenticated, 'by a map: nobody');
    $is->(::call('GET', '/mapped/app/webhooks', undef, @none,
                 'X-Name' => 'odd'), $::InvalidToken, 'by a map: no UUID');
    $is->(::call('POST', "/mapped/apps/$::App/webhooks/$uuid", '[1]'),
          ::passed(::event('{"_json":[1]}'), "[lenra|||$::App|a|5|1]"),
          'a trigger needs no identity');

    ::wipe();
}
--- error_log
"webhook_identity" is not a UUID and integers



=== TEST 18: webhook_identity after auth_request
--- config
    location /auth/ {
        auth_request /check;
        auth_request_set $app $upstream_http_x_app;
        auth_request_set $environment $upstream_http_x_environment;
        auth_request_set $user $upstream_http_x_user;

        webhook lenra zone=z;
        webhook_identity app=$app environment=$environment user=$user;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;

        location ~ ^/auth/any/ {
            satisfy any;
            deny all;
        }
    }

    location = /check {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/check;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Show "";
    }
--- client eval
sub {
    my $is = shift;
    my $body = '{"action":"a","user_id":1}';
    my @who = (::bearer('jwt'), 'X-App' => $::App);

    for my $prefix ('/auth', '/auth/any') {
        my $uri = "$prefix/app/webhooks";
        my $answer = ::call('POST', $uri, $body, @who);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"', undef, 3, 9),
              "$uri: created");
        $is->(::call('GET', "$uri/$uuid", undef, @who), $answer, 'got');
        $is->(::call('GET', "$uri/$uuid", undef, ::bearer('jwt'),
                     'X-App' => $::Other),
              $::NotFound, "another app's");
        $is->(::call('POST', $uri, $body, ::bearer('alpha'),
                     'X-App' => $::App),
              ::page('401 Authorization Required'), "auth_request's 401");
        $is->(::call('POST', $uri, $body, ::bearer('jwt')),
              $::Unauthenticated, 'auth_request knows no app');
        $is->(::call('POST', $uri, $body, ::bearer('jwt'), 'X-App' => 'x'),
              $::InvalidToken, 'auth_request knows an odd app');
        $is->(::call('DELETE', "$uri/$uuid", undef, @who), '204 ', 'deleted');
    }
}
--- error_log
"webhook_identity" is not a UUID and integers



=== TEST 19: satisfy any
--- config
    location /allow/ {
        satisfy any;
        allow all;

        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /deny/ {
        satisfy any;
        deny all;

        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $body = '{"action":"a"}';

    for my $prefix ('/allow', '/deny') {
        my $uri = "$prefix/app/webhooks";
        my $answer = ::call('POST', $uri, $body);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"'), "$uri: created");
        $is->(::field('WWW-Authenticate'), 'none', 'no header');

        for my $token (undef, 'Basic eDp5') {
            $is->(::call('POST', $uri, $body, Authorization => $token),
                  $::Unauthenticated, "$uri: there is no app without a token");
            $is->(::field('WWW-Authenticate'), 'Bearer', 'header');
            $is->(::call('GET', $uri, undef, Authorization => $token),
                  $::Unauthenticated, "$uri: nothing to be listed");
            $is->(::call('DELETE', "$uri/$uuid", undef,
                         Authorization => $token), $::Unauthenticated,
                  "$uri: nothing to be deleted");
        }

        $is->(::call('POST', $uri, $body, ::bearer('x')), $::InvalidToken,
              "$uri: an unknown token");
        $is->(::call('GET', "$prefix/app"), $::NotFound, "$uri: 404");
        $is->(::call('PUT', $uri), $::NoMethod, "$uri: 405");
        $is->(::call('POST', $uri, '{'), ::syntax(1), "$uri: 400");
        $is->(::call('POST', "$prefix/apps/$::App/webhooks/$uuid", '{}',
                     Authorization => undef),
              $prefix eq '/allow' ? ::passed(::event('{}'))
                                  : ::page('403 Forbidden'),
              "$uri: a trigger has no credential of its own");
        $is->(::remove($uuid), '204 ', 'deleted');
    }
}
--- error_log
access forbidden by rule



=== TEST 20: webhook_app is inherited where there is none
--- config
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=2
                token=server;

    location /inner/ {
        webhook lenra zone=z;
        webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=3
                    token=location user=-1;

        location /inner/nested/ {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /inner/off/ {
            webhook off;
            return 200 off;
        }
    }
--- client eval
sub {
    my $is = shift;
    my $body = '{"action":"a"}';

    for (['/lenra', 'server', 2, undef], ['/inner', 'location', 3, -1],
         ['/inner/nested', 'location', 3, -1])
    {
        my ($prefix, $token, $environment, $user) = @$_;
        my $uri = "$prefix/app/webhooks";
        my $answer = ::call('POST', $uri, $body, ::bearer($token));
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, ::shown($uuid, '"a"', undef, $environment,
                                          $user), "$prefix: its token");

        for ('alpha', 'server', 'location') {
            next if $_ eq $token;
            $is->(::call('POST', $uri, $body, ::bearer($_)), $::InvalidToken,
                  "$prefix: not $_");
        }

        $is->(::call('DELETE', "$uri/$uuid", undef, ::bearer($token)), '204 ',
              'deleted');
    }

    $is->(::call('POST', '/inner/off/app/webhooks', $body), '200 off', 'off');
}



=== TEST 21: without webhook_app and webhook_identity: nobody creates
--- apps
--- config
    location /app/ {
        webhook lenra zone=z;
        webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1
                    token=alpha;
    }
--- client eval
sub {
    my $is = shift;
    my $body = '{"action":"a"}';

    my $answer = ::call('POST', '/app/webhooks', $body);
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, ::shown($uuid, '"a"'), 'created elsewhere');
    $is->(::create($body), $::InvalidToken, 'a token');
    $is->(::get(''), $::InvalidToken, 'list');
    $is->(::get("/$uuid"), $::InvalidToken, 'get');
    $is->(::create($body, Authorization => undef), $::Unauthenticated, 'none');
    $is->(::trigger($uuid, '{}'), ::passed(::event('{}')), 'triggered');
    $is->(::call('DELETE', "/app/webhooks/$uuid"), '204 ', 'deleted elsewhere');
}
