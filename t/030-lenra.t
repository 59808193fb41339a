use lib 't/lib';
use WebhookTest 'no_plan';

# Lenra application webhooks: created, listed, deleted and triggered.
#
# A UUID is known only when a webhook has been created, so that each block has
# a client of its own: a sub that is called while nginx is running, with one
# that compares.  All answers are compared as a whole, "<status> <body>".
#
# The application behind /lenra/ answers with what it got: method, media type,
# length, the header X-Show, and from the second line on the body.

use HTTPClient qw($Head answer answer2 chunks data dial dial2 frame
                  headers put);
use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes ();


our $App = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
our $Other = '1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234';
our $Nobody = 'c0ffee00-0000-4000-8000-000000000000';

our $X = '[0-9a-f]';
our $V4 = qr/$X{8}-$X{4}-4$X{3}-[89ab]$X{3}-$X{12}/;

our $Emoji = "\xf0\x9f\x98\x80";

# Bytes of JSON that are not the same twice.
our $Large = '{"n":[' . join(',', map { "$_,\"\\u00e9 \xc3\xa9\"\n" }
                                  1 .. 60000) . ']}';

our $Apps = <<'END';
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1
                token=alpha token=beta-gamma;
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1
                token=of-a-user user=42;
    webhook_app 8C8E1F0A-5B0C-4F7E-9D43-0F3F6F0F1C11
                environment=9223372036854775807 token=upper;
    webhook_app 1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234 environment=-7
                user=-9223372036854775808 token=other;
END

our $HttpConfig = <<'END';
    server_tokens off;
    webhook_zone zone=z:4m;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        client_max_body_size 8m;
        client_body_buffer_size 8m;
        large_client_header_buffers 4 64k;
        log_not_found off;

        location / {
            mirror /read;
            error_page 404 =200 @show;
        }

        location = /read {
            internal;
            return 204;
        }

        location @show {
            return 200 "$request_method $content_type $content_length $http_x_show\n$request_body";
        }

        location = /check {
            add_header X-App $http_x_app;
            add_header X-Environment 3;
            add_header X-User 9;

            if ($http_authorization != "Bearer jwt") {
                return 401;
            }

            return 204;
        }
    }
END

our $Config = <<'END';
    proxy_set_header X-Show "[$webhook_provider|$webhook_event|$webhook_reason|$webhook_app|$webhook_action|$webhook_environment|$webhook_user]";

    location = /ready {
        return 200 "ready\n";
    }

    location /lenra/ {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END


# --- a client -------------------------------------------------------------

our $Socket;

sub head {
    my ($method, $uri, %header) = @_;

    my %all = (Host => 'x', Authorization => 'Bearer alpha', %header);

    return HTTPClient::head($method, $uri,
                            map { $_ => $all{$_} } sort keys %all);
}

sub request {
    my ($method, $uri, $body, %header) = @_;

    return head($method, $uri, %header) if !defined $body;

    return head($method, $uri, 'Content-Type' => 'application/json',
                'Content-Length' => length($body), %header) . $body;
}

# Sends one request on the connection that all of them share.
sub call {
    my ($method, $uri, $body, %header) = @_;

    $Socket //= dial();
    put($Socket, request($method, $uri, $body, %header));

    my $answer = answer($Socket, $method eq 'HEAD');

    undef $Socket if $answer =~ /^(?:silent|closed|odd)/
                     || $Head =~ /\r\nConnection: close\r\n/i;

    return $answer;
}

sub field { $Head =~ /\r\n\Q$_[0]\E: (.*)\r\n/i ? $1 : 'none' }

sub bearer { (Authorization => "Bearer $_[0]") }

sub create { call('POST', '/lenra/app/webhooks', @_) }

sub get { call('GET', "/lenra/app/webhooks$_[0]", undef, @_[1 .. $#_]) }

sub remove { call('DELETE', "/lenra/app/webhooks/$_[0]", undef, @_[1 .. $#_]) }

sub trigger {
    my ($uuid, $body, %header) = @_;

    return call('POST', "/lenra/apps/$App/webhooks/$uuid", $body,
                Authorization => undef, %header);
}

# Creates a webhook that no test is about; returns its UUID.
sub made {
    my ($body, %header) = @_;

    return create($body // '{"action":"a"}', %header) =~ /^200 \{"uuid":"($V4)"/
           ? $1 : 'none';
}

# Deletes all webhooks of both apps: a block is run more than once.
sub wipe {
    for my $token ('alpha', 'other') {
        my @uuids;

        do {
            @uuids = get('', bearer($token)) =~ /"uuid":"($V4)"/g;
            remove($_, bearer($token)) for @uuids;
        } while (@uuids);
    }
}


# --- what is to be answered -----------------------------------------------

# The JSON of a webhook.
sub webhook {
    my ($uuid, $action, $props, $environment, $user) = @_;

    return qq({"uuid":"$uuid","action":$action,"props":) . ($props // 'null')
           . ',"environment_id":' . ($environment // 1)
           . ',"user_id":' . ($user // 'null') . '}';
}

sub refusal {
    my ($status, $message, $reason, $more) = @_;

    return qq($status {"message":"$message","reason":"$reason")
           . ($more // '') . '}';
}

sub syntax { refusal(400, 'the body is not valid JSON', 'invalid_json',
                     ",\"offset\":$_[0]") }

sub twice { refusal(400, "$_[0] is there more than once", 'duplicate_field',
                    ",\"field\":\"$_[0]\"") }

sub page {
    my ($status) = @_;

    return substr($status, 0, 3) . ' ' . join "\r\n", '<html>',
        "<head><title>$status</title></head>", '<body>',
        "<center><h1>$status</h1></center>", '<hr><center>nginx</center>',
        '</body>', '</html>', '';
}

our $Unauthenticated = refusal(401, 'You are not authenticated',
                               'unauthenticated');
our $InvalidToken = refusal(401, 'Your token is invalid.', 'invalid_token');
our $Blank = refusal(400, "action can't be blank", 'invalid_action');
our $InvalidAction = refusal(400, 'action is invalid', 'invalid_action');
our $InvalidProps = refusal(400, 'props is invalid', 'invalid_props');
our $InvalidUser = refusal(400, 'user_id is invalid', 'invalid_user_id');
our $InvalidLimit = refusal(400, 'limit is invalid', 'invalid_limit');
our $InvalidAfter = refusal(400, 'after is invalid', 'invalid_after');
our $NotFound = refusal(404, 'Not Found.', 'error_404');
our $NoMethod = refusal(405, 'the method is not one of those in Allow',
                        'method_not_allowed');
our $Type = refusal(415, 'Content-Type must be application/json',
                    'unsupported_media_type');
our $Encoding = refusal(415, 'Content-Encoding is not supported',
                        'unsupported_encoding');
our $Empty = refusal(400, 'the body is empty', 'empty_body');
our $Full = refusal(503, 'there is no room for another one', 'zone_full');

# What upstream gets of a trigger.
sub event {
    my ($event, $action, $props) = @_;

    return '{"action":' . ($action // '"a"') . ',"props":' . ($props // 'null')
           . ",\"event\":$event}";
}

# The application's answer to an event; $show is X-Show.
sub passed {
    my ($event, $show) = @_;

    return '200 POST application/json ' . length($event) . ' '
           . ($show // "[lenra|||$App|a|1|]") . "\n$event";
}


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


add_response_body_check(sub {
    my $block = shift;
    my $name = $block->name;

    is(ref $block->client, 'CODE', "$name - the client compiles");

    undef $Socket;
    $block->client->(sub { is($_[0], $_[1], "$name - $_[2]") });
    undef $Socket;
});

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config',
                      ($block->apps // $Apps) . ($block->http_config // '')
                      . $HttpConfig);
    $block->set_value('config', $Config . ($block->config // ''));
    $block->set_value('request', 'GET /ready');
    $block->set_value('response_body', "ready\n");
});

repeat_each(2);
no_shuffle();
run_tests();

__DATA__

=== TEST 1: create: the answer, its members in their order
--- client eval
sub {
    my $is = shift;

    my $answer = ::create('{"action":"deploy"}');
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, '200 ' . ::webhook($uuid, '"deploy"'), 'all of it');
    $is->($::Head =~ s/\r\nDate: [^\r]+//r,
          "HTTP/1.1 200 OK\r\nServer: nginx\r\n"
          . "Content-Type: application/json\r\nContent-Length: 112\r\n"
          . "Connection: keep-alive\r\n\r\n", 'the head');

    $answer = ::create(' { "user_id" : 7 , "more":[{"action":1}],'
                       . '"props" : { "a" : 1.50 }, "action" : "b"}' . "\n");
    my ($second) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, '200 ' . ::webhook($second, '"b"', '{ "a" : 1.50 }', 1, 7),
          'another order, members that nobody knows');
    $is->($uuid ne $second, 1, 'another UUID');

    $answer = ::create('{"\u0061ction":"c","pr\u006fps":{},"user\u005fid":1}');
    ($second) = $answer =~ /^200 \{"uuid":"($::V4)"/;

    $is->($answer, '200 ' . ::webhook($second, '"c"', '{}', 1, 1),
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

    $is->(::get(''), '200 []', 'nothing was created');
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

        $is->($answer, '200 ' . ::webhook($uuid, '"a"'), $_);
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

    $is->(::get(''), '200 []', 'nothing was created');
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

            $is->($answer, '200 ' . ::webhook($uuid, '"a"', undef,
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

        $is->($answer, "200 $webhook", "$name: created");
        $is->(::get("/$uuid"), "200 $webhook", "$name: got");
        $is->(::get(''), "200 [$webhook]", "$name: listed");
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
    $is->(::get(''), '200 []', 'nothing was created');
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

            $is->($answer, "200 $webhook", "$name: created");
            $is->(::get("/$uuid"), "200 $webhook", "$name: got");
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

        $is->($answer, '200 ' . ::webhook($uuid, '"a"'), $_);
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
    $is->(::get(''), '200 []', 'nothing was created');
}



=== TEST 10: create: user_id
--- client eval
sub {
    my $is = shift;

    for (qw(0 7 -7 9223372036854775807 -9223372036854775808 null)) {
        my $answer = ::create("{\"action\":\"a\",\"user_id\":$_}");
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
        my $webhook = ::webhook($uuid, '"a"', undef, 1, $_);

        $is->($answer, "200 $webhook", $_);
        $is->(::get("/$uuid"), "200 $webhook", "$_: got");
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
    $is->(::get(''), '200 []', 'nothing was created');
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
    $is->(::get(''), '200 []', 'nothing was created');
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
    $is->(::get(''), '200 []', 'nothing was created');
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

    $is->(::get(''), '200 []', 'nothing was created');

    for (['Content-Type' => 'APPLICATION/JSON'],
         ['Content-Type' => 'application/json; charset=utf-8'],
         ['Content-Type' => 'application/json;x'],
         ['Content-Type' => 'application/vnd.lenra+json'],
         ['Content-Encoding' => 'identity'], ['Content-Encoding' => ''])
    {
        my $answer = ::create($body, @$_);
        my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;

        $is->($answer, '200 ' . ::webhook($uuid, '"a"'), "@$_");
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



=== TEST 16: methods
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my %allow = ('/lenra/app/webhooks' => 'GET, HEAD, POST',
                 "/lenra/app/webhooks/$uuid" => 'GET, HEAD, DELETE',
                 "/lenra/app/webhooks/$::Nobody" => 'GET, HEAD, DELETE',
                 "/lenra/apps/$::App/webhooks/$uuid" => 'POST');

    for my $uri (sort keys %allow) {
        for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND FOO))
        {
            next if $allow{$uri} =~ /\b$method\b/;

            for my $body (undef, '{"action":"a"}') {
                $is->(::call($method, $uri, $body, Authorization => undef),
                      $method eq 'HEAD' ? '405 ' : $::NoMethod,
                      "$method $allow{$uri}");
                $is->(::field('Allow'), $allow{$uri}, "$method, Allow");
            }
        }
    }

    for my $method (qw(GET PUT DELETE)) {
        $is->(::call($method, "/lenra/apps/$::App/webhooks/$::Nobody"),
              $::NotFound, "$method at what can't be triggered");
    }

    $is->(::get(''), '200 [' . ::webhook($uuid, '"a"') . ']',
          'nothing was changed');
    ::wipe();
}



=== TEST 17: create: the body in chunks, byte for byte, in a file
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
                      '200 ' . ::webhook($uuid, $action, $sent, 1, -3),
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

        $is->($answer, '200 ' . ::webhook($uuid, '"slow"', '{"a":1}', 1, 12),
              "$uri, byte by byte");
    }

    ::wipe();
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 18: refused before the body: no 100 Continue; accepted after one
--- config
    location /id/ {
        webhook lenra zone=z;
        webhook_identity app=$http_x_app environment=1;
    }
--- client eval
sub {
    my $is = shift;
    my $uri = '/lenra/app/webhooks';
    my @expect = (Expect => '100-continue', 'Content-Length' => 14,
                  'Content-Type' => 'application/json');

    my $socket = ::dial();
    ::put($socket, ::head('POST', $uri, @expect));
    $is->(::answer($socket), '100', '100');
    ::put($socket, '{"action":"a"}');
    my $answer = ::answer($socket);
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
    $is->($answer, '200 ' . ::webhook($uuid, '"a"'), 'created');

    for ([$uri, $::Unauthenticated, Authorization => undef],
         [$uri, $::InvalidToken, ::bearer('no')],
         [$uri, $::Type, 'Content-Type' => 'a/b'],
         [$uri, $::Encoding, 'Content-Encoding' => 'gzip'],
         ['/lenra/app', $::NotFound],
         ["$uri/$uuid", $::NoMethod],
         ['/id/app/webhooks', $::Unauthenticated, 'Content-Type' => 'a/b'],
         ["/lenra/apps/$::App/webhooks/$::Nobody", $::NotFound],
         ["/lenra/apps/$::App/webhooks/$uuid", $::Type,
          'Content-Type' => 'a/b'])
    {
        my ($uri, $answer, @header) = @$_;

        $socket = ::dial();
        ::put($socket, ::head('POST', $uri, @expect, @header));
        $is->(::answer($socket), $answer, "$uri: refused");
    }

    ::wipe();
}



=== TEST 19: the order of the verdicts, and the connection after each
--- client eval
sub {
    my $is = shift;
    my @bad = ('Content-Type' => 'a/b', 'Content-Encoding' => 'gzip');
    my $uri = '/lenra/app/webhooks';

    $::Socket = ::dial();

    for ([$::NotFound, 'POST', "$uri/", '{', @bad, Authorization => undef],
         [$::NoMethod, 'PUT', $uri, '{', @bad, Authorization => undef],
         [$::Unauthenticated, 'POST', $uri, '{', @bad, Authorization => undef],
         [$::InvalidToken, 'POST', $uri, $::Large, @bad, ::bearer('x')],
         [$::Type, 'POST', $uri, '{', @bad],
         [$::Encoding, 'POST', $uri, '{', 'Content-Encoding' => 'gzip'],
         [::syntax(1), 'POST', $uri, '{'],
         [::twice('action'), 'POST', $uri, '{"action":1,"action":1}'],
         [$::Blank, 'POST', $uri, '{}'],
         [$::InvalidLimit, 'GET', "$uri?limit=0"],
         [$::NotFound, 'GET', "$uri/$::Nobody"],
         [$::NotFound, 'DELETE', "$uri/$::Nobody", $::Large])
    {
        my ($answer, @request) = @$_;
        my $socket = $::Socket;

        $is->(::call(@request), $answer, substr $answer, 0, 60);
        $is->($::Socket, $socket, 'the connection is kept');
        $is->(::get(''), '200 []', 'and good for the next request');
    }
}



=== TEST 20: webhook_identity
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

            $is->($answer, '200 ' . ::webhook($uuid, '"a"', undef,
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

    $is->($answer, '200 ' . ::webhook($uuid, '"a"', undef, 5, 1), 'by a map');
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



=== TEST 21: webhook_identity after auth_request
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

        $is->($answer, '200 ' . ::webhook($uuid, '"a"', undef, 3, 9),
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



=== TEST 22: satisfy any
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

        $is->($answer, '200 ' . ::webhook($uuid, '"a"'), "$uri: created");
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



=== TEST 23: webhook_app is inherited where there is none
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

        $is->($answer, '200 ' . ::webhook($uuid, '"a"', undef, $environment,
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



=== TEST 24: without webhook_app and webhook_identity: nobody creates
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

    $is->($answer, '200 ' . ::webhook($uuid, '"a"'), 'created elsewhere');
    $is->(::create($body), $::InvalidToken, 'a token');
    $is->(::get(''), $::InvalidToken, 'list');
    $is->(::get("/$uuid"), $::InvalidToken, 'get');
    $is->(::create($body, Authorization => undef), $::Unauthenticated, 'none');
    $is->(::trigger($uuid, '{}'), ::passed(::event('{}')), 'triggered');
    $is->(::call('DELETE', "/app/webhooks/$uuid"), '204 ', 'deleted elsewhere');
}



=== TEST 25: list: in order of creation, the app's own
--- client eval
sub {
    my $is = shift;
    my (@own, @other);

    $is->(::get(''), '200 []', 'none');
    $is->(::field('Content-Type'), 'application/json', 'media type');
    $is->(::field('Content-Length'), '2', 'length');

    for my $n (1 .. 30) {
        my $token = ('alpha', 'of-a-user', 'upper', 'other')[$n % 4];
        my $uuid = ::made("{\"action\":\"$n\",\"props\":{\"n\":$n}}",
                          ::bearer($token));

        push @{ $token eq 'other' ? \@other : \@own },
             ::webhook($uuid, "\"$n\"", "{\"n\":$n}",
                       {alpha => 1, 'of-a-user' => 1, other => -7}->{$token}
                           // '9223372036854775807',
                       {'of-a-user' => 42, other => '-9223372036854775808'}
                           ->{$token});
    }

    my $list = CORE::join ',', @own;

    for ('alpha', 'beta-gamma', 'of-a-user', 'upper') {
        $is->(::get('', ::bearer($_)), "200 [$list]", "by $_");
    }

    $is->(::get('', ::bearer('other')), '200 [' . CORE::join(',', @other) . ']',
          "the other app's");

    # gaps
    for my $n (0, 5, -1) {
        my ($uuid) = splice(@own, $n, 1) =~ /($::V4)/;
        $is->(::remove($uuid), '204 ', 'deleted');
        $is->(::get(''), '200 [' . CORE::join(',', @own) . ']', 'without it');
    }

    my $uuid = ::made();
    $is->(::get(''), '200 [' . CORE::join(',', @own, ::webhook($uuid, '"a"'))
                     . ']', 'a new one is the last');
    ::wipe();
}



=== TEST 26: list: limit
--- client eval
sub {
    my $is = shift;
    my @all = map { ::webhook(::made(), '"a"') } 1 .. 120;
    my $list = sub { '200 [' . CORE::join(',', @all[0 .. $_[0] - 1]) . ']' };

    $is->(::get(''), $list->(100), 'default');
    $is->(::get('?'), $list->(100), 'no arguments');
    $is->(::get('?x=limit=3&offset=5&xlimit=7'), $list->(100), 'others');

    for ([1, 1], [2, 2], [100, 100], [119, 119], [120, 120], [121, 120],
         [1000, 120], ['0007', 7])
    {
        $is->(::get("?limit=$_->[0]"), $list->($_->[1]), "limit=$_->[0]");
    }

    $is->(::get('?a=b&limit=2&c=d'), $list->(2), 'among others');

    for (0, 1001, 'abc', -1, '', '1.5', '1e2', '+1', '%31', '1x', '000',
         '99999999999999999999999')
    {
        $is->(::get("?limit=$_"), $::InvalidLimit, "limit=$_");
        $is->(::get("?after=$::Nobody&limit=$_"), $::InvalidLimit,
              "limit=$_, and after");
    }

    ::wipe();
}



=== TEST 27: list: after
--- client eval
sub {
    my $is = shift;
    my @uuids = map { ::made() } 1 .. 10;
    my @all = map { ::webhook($_, '"a"') } @uuids;
    my $other = ::made(undef, ::bearer('other'));
    my $list = sub { '200 [' . CORE::join(',', @all[$_[0] .. $_[1]]) . ']' };

    $is->(::get("?after=$uuids[0]"), $list->(1, 9), 'the first');
    $is->(::get("?after=$uuids[8]"), $list->(9, 9), 'the last but one');
    $is->(::get("?after=$uuids[9]"), '200 []', 'the last');
    $is->(::get('?after=' . uc $uuids[4]), $list->(5, 9), 'upper case');
    $is->(::get("?limit=3&after=$uuids[4]"), $list->(5, 7), 'and limit');
    $is->(::get("?after=$uuids[7]&limit=3"), $list->(8, 9), 'limit at the end');

    my @got;

    while (::get('?limit=3' . (@got ? "&after=$got[-1]" : ''))
           =~ /^200 \[(.+)\]\z/)
    {
        push @got, $1 =~ /"uuid":"($::V4)"/g;
        last if @got > 10;
    }

    $is->("@got", "@uuids", 'page by page');

    $is->(::remove($uuids[4]), '204 ', 'deleted');

    for (['unknown', $::Nobody], ["another app's", $other],
         ['deleted', $uuids[4]], ['empty', ''], ['malformed', 'x'],
         ['cut short', $uuids[0] =~ s/.$//r], ['too long', "$uuids[0]0"],
         ['encoded', $uuids[0] =~ s/-/%2D/r], ['in braces', "{$uuids[0]}"])
    {
        $is->(::get("?after=$_->[1]"), $::InvalidAfter, $_->[0]);
    }

    $is->(::get("?after=$uuids[3]"), $list->(5, 9), 'before the deleted one');
    ::wipe();
}



=== TEST 28: list: large ones
--- client eval
sub {
    my $is = shift;
    my $props = '{"a":"' . 'x' x 50_000 . '"}';
    my @all = map { ::webhook(::made("{\"action\":\"a$_\",\"props\":$props}"),
                              "\"a$_\"", $props) } 1 .. 20;

    $is->(::get(''), '200 [' . CORE::join(',', @all) . ']', 'all of it');
    ::wipe();
}



=== TEST 29: get, HEAD, delete
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made('{"action":"b","props":{"c":[]},"user_id":3}');
    my $webhook = ::webhook($uuid, '"b"', '{"c":[]}', 1, 3);
    my $other = ::made(undef, ::bearer('other'));

    for ($uuid, uc $uuid) {
        $is->(::get("/$_"), "200 $webhook", "get $_");
        $is->(::field('Content-Type'), 'application/json', 'type');
        $is->(::field('Content-Length'), length $webhook, 'length');
        my $head = $::Head =~ s/\r\nDate: [^\r]+//r;

        $is->(::call('HEAD', "/lenra/app/webhooks/$_"), '200 ', "HEAD $_");
        $is->($::Head =~ s/\r\nDate: [^\r]+//r, $head, 'the same head');
        $is->(::get("/$_?limit=0&after=x"), "200 $webhook",
              'arguments do not matter');
    }

    $is->(::get("/$uuid", ::bearer('upper')), "200 $webhook",
          'by another token of the app');

    $is->(::call('HEAD', '/lenra/app/webhooks'), '200 ', 'HEAD of the list');
    $is->(::field('Content-Length'), 2 + length $webhook, 'its length');
    $is->(::call('HEAD', "/lenra/app/webhooks/$::Nobody"), '404 ',
          'HEAD of what there is not');
    $is->(::field('Content-Length'), length($::NotFound) - 4, 'its length');
    $is->(::call('HEAD', '/lenra/app/webhooks', undef, ::bearer('x')), '401 ',
          'HEAD without a right');

    for my $method ('GET', 'DELETE') {
        $is->(::call($method, "/lenra/app/webhooks/$other"), $::NotFound,
              "$method another app's");
        $is->(::call($method, "/lenra/app/webhooks/$uuid", undef,
                     ::bearer('other')), $::NotFound, "$method from there");
        $is->(::call($method, "/lenra/app/webhooks/$::Nobody"), $::NotFound,
              "$method an unknown one");
    }

    $is->(::call('GET', "/lenra/app/webhooks/$uuid", $::Large), "200 $webhook",
          'a body is not looked at');

    $is->(::call('DELETE', "/lenra/app/webhooks/\U$uuid", '{"a":1'), '204 ',
          'delete, with a body');
    $is->($::Head =~ s/\r\nDate: [^\r]+//r,
          "HTTP/1.1 204 No Content\r\nServer: nginx\r\n"
          . "Connection: keep-alive\r\n\r\n", 'the head');

    $is->(::remove($uuid), $::NotFound, 'delete again');
    $is->(::get("/$uuid"), $::NotFound, 'get');
    $is->(::trigger($uuid, '{}'), $::NotFound, 'trigger');
    $is->(::get(''), '200 []', 'list');
    $is->(::get("/$other", ::bearer('other')), '200 '
          . ::webhook($other, '"a"', undef, -7, '-9223372036854775808'),
          "the other app's is still there");
    ::wipe();
}



=== TEST 30: a deletion whose body comes slowly, or never
--- client eval
sub {
    my $is = shift;
    my ($one, $two) = (::made(), ::made());

    my $socket = ::dial();
    ::put($socket, ::head('DELETE', "/lenra/app/webhooks/$one",
                          'Content-Length' => 100), 'x' x 50);
    $is->(::answer($socket), '204 ', 'deleted, by its head');
    ::put($socket, 'x' x 50, ::head('GET', '/lenra/app/webhooks'));
    $is->(::answer($socket), '200 [' . ::webhook($two, '"a"') . ']',
          'the next request');

    $socket = ::dial();
    ::put($socket, ::head('DELETE', "/lenra/app/webhooks/$two",
                          'Transfer-Encoding' => 'chunked'), "5\r\nx");
    $is->(::answer($socket), '204 ', 'deleted, by its head');
    close $socket;

    $is->(::get(''), '200 []', 'both are gone');
}



=== TEST 31: paths: what there is not
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $flat = $uuid =~ s/-//gr;
    my $long = 'a' x 7000;

    for ('', 'app', 'app/', 'app/webhook', 'app/webhooks/', 'app/webhooks/x',
         'App/webhooks', 'app/Webhooks', 'app/WEBHOOKS', 'apps/webhooks',
         'xapp/webhooks', 'app/webhooksx', 'app/xwebhooks', 'webhooks',
         "app/webhooks/$uuid/", "app/webhooks/$uuid/x", "app/webhooks/$flat",
         "app/webhooks/{$uuid}", "app/webhooks/urn:uuid:$uuid",
         "app/webhooks/$uuid" . '0', 'app/webhooks/' . substr($uuid, 0, 35),
         'app/webhooks/' . $uuid =~ s/-/_/r,
         'app/webhooks/' . $uuid =~ s/^./g/r,
         "app/webhooks/$uuid ", "app/webhooks/%20$uuid",
         "app/webhooks/$uuid%20", "app/webhooks/$uuid%0a", "app/$uuid",
         "app/webhook/$uuid", "App/webhooks/$uuid", "x/webhooks/$uuid",
         "webhooks/$uuid", 'app/webhooks/' . $uuid =~ s/-/%252D/r,
         'app/webhooks/..', 'app/webhooks/../', 'app/webhooks/%2e%2e',
         "app/webhooks/$uuid/%2e%2e", "app/webhooks/..%2f..%2fapp",
         'app/webhooks%3Flimit=1', 'app/webhooks%01',
         'app/webhooks;x', 'app/webhooks.json', "app/webhooks/$uuid.json",
         "app/$long/webhooks", "app/webhooks/$long", "app/webhooks$long",
         "$long/webhooks/$uuid",
         "apps/$::App/webhooks", "apps/$::App/webhooks/", "apps/$::App/$uuid",
         "apps/$::App/webhooks/$uuid/", "apps/$::App/webhooks/$uuid/x",
         "apps/$::App/webhooks/$long", "apps/$long/webhooks/$uuid",
         "apps/$::App/webhooks/$flat", "apps/$::App/webhooks/{$uuid}",
         'apps/' . substr($::App, 0, 35) . "/webhooks/$uuid",
         "apps/${main::App}0/webhooks/$uuid", "apps/x/webhooks/$uuid",
         "apps/webhooks/$uuid", "apps//webhooks/$uuid",
         "app/$::App/webhooks/$uuid", "Apps/$::App/webhooks/$uuid",
         "apps/$::App/Webhooks/$uuid", "xapps/$::App/webhooks/$uuid",
         "$::App/webhooks/$uuid", "apps/$::App/webhooks/%2e%2e/$uuid",
         "apps/$::App/webhooks/" . $uuid =~ s/-/%252d/r,
         "apps/$::App/webhooks/$uuid%20", "apps/$::App%20/webhooks/$uuid")
    {
        my $uri = "/lenra/$_";

        # a space would end the path
        next if / /;

        for my $method ('GET', 'POST', 'DELETE', 'PUT') {
            $is->(::call($method, $uri, $method eq 'POST' ? '{}' : undef),
                  $::NotFound, "$method " . substr $uri, 0, 70);
        }

        $is->(::field('Content-Type'), 'application/json', 'media type');
        $is->(::call('POST', $uri, '{}', Authorization => undef), $::NotFound,
              'without a token');
    }

    ::wipe();
}



=== TEST 32: paths: decoded and normalised, as nginx does for its locations
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $webhook = ::webhook($uuid, '"a"');

    for ('/lenra/app/webhooks', '/lenra/app%2Fwebhooks',
         '/lenra//app///webhooks',
         '/lenra/x/../app/webhooks', '/lenra/app/./webhooks',
         '/lenra/app/x/%2e%2e/webhooks', '/lenra/%61pp/web%68ooks',
         "/lenra/app/webhooks/$uuid/..%2f..%2fwebhooks",
         '/lenra/deeper/mounted/app/webhooks')
    {
        $is->(::call('GET', $_), "200 [$webhook]", $_);
    }

    for ("/lenra/app/webhooks/$uuid", "/lenra/app/webhooks%2F$uuid",
         "/lenra/app/webhooks/x/../$uuid", '/lenra/app/webhooks/'
         . $uuid =~ s/-/%2D/gr)
    {
        $is->(::call('GET', $_), "200 $webhook", $_);
    }

    for ("/lenra/apps/$::App/webhooks/$uuid",
         "/lenra/apps/\U$::App\E/webhooks/\U$uuid",
         "/lenra/apps/$::App%2Fwebhooks%2f$uuid",
         "/lenra/apps/x/../$::App/webhooks/$uuid",
         '/lenra/apps/' . $::App =~ s/-/%2d/gr . "/webhooks/$uuid",
         "/lenra/app/apps/$::App/webhooks/$uuid?x=/app/webhooks")
    {
        $is->(::call('POST', $_, '{}'), ::passed(::event('{}')), $_);
    }

    ::wipe();
}



=== TEST 33: trigger: one answer for all that is unknown
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



=== TEST 34: trigger: what upstream gets of an event
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



=== TEST 35: trigger: no body
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



=== TEST 36: trigger: no body, but an encoding
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



=== TEST 37: trigger: refused, and nothing is passed
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



=== TEST 38: trigger: large bodies, in memory, in a file, in chunks, slowly
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



=== TEST 39: trigger: over HTTP/2
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

    $is->($answer, "200 $webhook", 'created');
    $is->($call->('GET', '/lenra/app/webhooks', undef, @token),
          "200 [$webhook]", 'listed');
    $is->($call->('GET', "/lenra/app/webhooks/$uuid", undef, @token),
          "200 $webhook", 'got');

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



=== TEST 40: trigger: variables
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



=== TEST 41: trigger: the bytes of the request to upstream
--- config
    location /one/ {
        webhook lenra zone=z;
        proxy_set_header Host up;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2/to;
    }

    location /off/ {
        webhook lenra zone=z;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_set_header Host up;
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



=== TEST 42: trigger: upstream's status, headers and body are the caller's
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



=== TEST 43: trigger: fastcgi_pass
--- config
    location /cgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        fastcgi_pass_request_headers off;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /early/ {
        webhook lenra zone=z;

        set $early "$content_length $content_type $http_content_length";
        set $early "$early $http_content_type";

        fastcgi_pass_request_headers off;
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



=== TEST 44: trigger: scgi_pass and uwsgi_pass
--- config
    location /scgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        scgi_pass_request_headers off;
        scgi_param SCGI 1;
        scgi_param CONTENT_TYPE $content_type;
        scgi_pass 127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /uwsgi/ {
        webhook lenra zone=z;

        client_body_buffer_size 1k;
        uwsgi_pass_request_headers off;
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



=== TEST 45: trigger: after a redirect the body is wrapped once
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



=== TEST 46: error_page wins, and knows the reason
--- config
    location /own/ {
        webhook lenra zone=z;
        error_page 400 401 404 405 415 @own;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location @own {
        default_type text/plain;
        return 200 "own: $webhook_reason $webhook_provider [$webhook_app]\n";
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $uri = '/own/app/webhooks';

    for ([404, 'not_found', '', 'GET', '/own/x'],
         [405, 'method_not_allowed', '', 'PUT', $uri],
         [401, 'unauthenticated', '', 'GET', $uri, undef,
          Authorization => undef],
         [401, 'invalid_token', '', 'GET', $uri, undef, ::bearer('x')],
         [415, 'unsupported_media_type', $::App, 'POST', $uri, '{}',
          'Content-Type' => 'a/b'],
         [400, 'invalid_json', $::App, 'POST', $uri, '{'],
         [400, 'invalid_action', $::App, 'POST', $uri, '{}'],
         [400, 'invalid_limit', $::App, 'GET', "$uri?limit=x"],
         [404, 'not_found', $::App, 'GET', "$uri/$::Nobody"],
         [400, 'invalid_json', $::App, 'POST',
          "/own/apps/$::App/webhooks/$uuid", '['])
    {
        my ($status, $reason, $app, @request) = @$_;

        $is->(::call(@request), "$status own: $reason lenra [$app]\n", $reason);
    }

    ::wipe();
}



=== TEST 47: a full zone
--- http_config
    webhook_zone zone=full:32k;
--- config
    location /full/ {
        webhook lenra zone=full;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uri = '/full/app/webhooks';
    my $filled;

    for my $round (1 .. 4) {
        my $length = (40, 40, 700, 40)[$round - 1];
        my (@uuids, $answer);
        my $props = sub { sprintf '{"n":%d,"p":"%s"}', $_[0], 'p' x $length };

        while (@uuids < 1000) {
            my $n = @uuids;

            $answer = ::call('POST', $uri, "{\"action\":\"a\",\"props\":"
                                           . $props->($n) . '}');
            last if $answer !~ /^200 \{"uuid":"($::V4)"/;
            push @uuids, $1;
        }

        my $all = CORE::join ',', map { ::webhook($uuids[$_], '"a"',
                                                  $props->($_)) } 0 .. $#uuids;

        $is->($answer, $::Full, "round $round: full");
        $is->(::field('Retry-After'), '10', 'Retry-After');
        $is->(::field('Content-Type'), 'application/json', 'media type');
        $is->(@uuids > 10, 1, 'with more than 10: ' . @uuids);

        if ($length == 40) {
            $filled //= @uuids;
            $is->(scalar @uuids, $filled, 'as many as the first time');
        }

        $is->(::call('POST', $uri, '{"action":"' . 'x' x 100_000 . '"}'),
              $::Full, 'far too large');
        $is->(::call('POST', $uri, '{"action":"a","props":' . $props->(0)
                                   . '}', ::bearer('other')),
              $::Full, "no room for another app's either");
        $is->(::call('GET', $uri, undef, ::bearer('other')), '200 []',
              "nothing of another app's");
        $is->(::call('GET', "$uri?limit=1000"), "200 [$all]",
              'the earlier ones are all there, and nothing else');

        for my $n (0, int(@uuids / 2), $#uuids) {
            $is->(::call('POST', "/full/apps/$::App/webhooks/$uuids[$n]", '{}'),
                  ::passed(::event('{}', '"a"', $props->($n))), "trigger $n");
        }

        # one goes, one comes
        my $uuid = splice @uuids, 3, 1;
        $is->(::call('DELETE', "$uri/$uuid"), '204 ', 'one is deleted');
        $answer = ::call('POST', $uri, '{"action":"b","props":' . $props->(3)
                                       . '}');
        push @uuids, $answer =~ /^200 \{"uuid":"($::V4)"/;
        $is->($answer, '200 ' . ::webhook($uuids[-1], '"b"', $props->(3)),
              'one can be created');
        $is->(::call('POST', $uri, '{"action":"a","props":' . $props->(0)
                                   . '}'), $::Full, 'but no other one');

        $is->(::call('DELETE', "$uri/$_"), '204 ', 'deleted') for @uuids;
        $is->(::call('GET', $uri), '200 []', 'all are deleted');
    }
}
--- error_log
webhook lenra refused: zone_full
--- no_error_log
ngx_slab_alloc() failed
[error]
[crit]



=== TEST 48: pipelined, and several connections at a time
--- client eval
sub {
    my $is = shift;
    my @sockets = map { ::dial() } 1 .. 8;
    my @uuids;

    for my $round (1 .. 5) {
        ::put($_, (::request('POST', '/lenra/app/webhooks', '{"action":"a"}'))
                  x 3) for @sockets;

        for my $socket (@sockets) {
            for (1 .. 3) {
                my $answer = ::answer($socket);
                my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
                $is->($answer, '200 ' . ::webhook($uuid, '"a"'), 'created');
                push @uuids, $uuid;
            }
        }
    }

    my %seen = map { $_ => 1 } @uuids;
    my @listed = ::get('?limit=1000') =~ /"uuid":"($::V4)"/g;

    $is->(scalar keys %seen, 120, 'all UUIDs differ');
    $is->(CORE::join(' ', sort @listed), CORE::join(' ', sort @uuids),
          'all are listed');
    ::wipe();
}



=== TEST 49: clients that go away
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    for (::request('POST', '/lenra/app/webhooks', '{"action":"gone"}'),
         ::request('DELETE', "/lenra/app/webhooks/$::Nobody"),
         ::request('GET', '/lenra/app/webhooks'),
         ::request('POST', "/lenra/apps/$::App/webhooks/$uuid", $::Large))
    {
        my $whole = ::dial();
        ::put($whole, $_);
        close $whole;

        my $half = ::dial();
        ::put($half, substr $_, 0, length($_) - 5);
        Time::HiRes::sleep(0.02);
        close $half;
    }

    Time::HiRes::sleep(0.05);
    $is->(::get("/$uuid"), '200 ' . ::webhook($uuid, '"a"'), 'it goes on');
    ::wipe();
    $is->(::get(''), '200 []', 'all can be deleted');
}



=== TEST 50: trigger: grpc_pass, also where the window ends before the tail
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



=== TEST 51: trigger: variables of the body that were asked for before it was wrapped
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



=== TEST 52: trigger: the file of the body is that of the event alone
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
