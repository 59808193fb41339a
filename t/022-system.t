use lib 't/lib';
use WebhookTest 'no_plan';

# "webhook_system" and "webhook any": what each line of a block does to
# requests.

use Answers qw(echo);
use HTTPClient qw($Head answer2 data dial dial2 end put);
use SignatureTest;

# A location that answers with what its variables are.
sub shown {
    my ($name, $text, $variables) = @_;

    return location($name, "$text proxy_set_header X-Show \"[$variables]\";",
                    'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;');
}

our $Shows = echo(port => '$TEST_NGINX_PORT_2', text => '$http_x_show');

sub system_of {
    my ($name, @lines) = @_;

    return "webhook_system $name {\n" . join('', map { "$_;\n" } @lines)
           . "}\n";
}

our @Json = ('Content-Type' => 'application/json');
our @Token = (@Json, 'X-Secret' => 'hush');

# Cases of a payload: a name, what the location shows, the payload.
sub show_of {
    my ($is, $uri, @cases) = @_;

    ask($is, $uri, map {
        my ($name, $shown, $body, @more) = @$_;
        [$name, accepted("[$shown]"), $body, @Token, @more]
    } @cases);
}

sub uuid_of {
    return qr/\[[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\]/;
}

# One request, over a connection of its own.
sub one {
    my ($uri, $body, @header) = @_;
    my $socket = dial();

    put($socket, request($uri, $body, @header));

    return answer($socket);
}

no_shuffle();
repeat_each(1);
run_tests();

__DATA__

=== TEST 1: a system that says nothing: POST, JSON of any kind, a credential
--- http_config eval: ::system_of('plain')
--- config eval: ::location('/plain', 'webhook plain; webhook_secret hush;')
--- client eval
sub {
    my $is = shift;
    my $syntax = sub { ::refused('', 'invalid_json', offset => shift) };

    ::ask($is, '/plain',
          (map { ["takes $_", ::accepted($_), $_, @::Token] }
               '{}', '[]', '{"a":{"b":[1,{"c":null}]}}', '"x"', '1', 'null',
               ' [true] ', '{"a":1,"a":2}'),
          ['no secret', ::refused('X-Secret', 'missing_secret'), '{}',
           @::Json],
          ['a wrong secret', ::refused('X-Secret', 'invalid_secret'), '{}',
           @::Json, 'X-Secret' => 'x'],
          ['the secret twice', ::refused('X-Secret', 'invalid_secret'), '{}',
           @::Json, 'X-Secret' => ['hush', 'hush']],
          ['no body', ::refused('', 'empty_body'), '', @::Token],
          ['no JSON', $syntax->(1), '{', @::Token],
          ['two texts', $syntax->(3), '{} {}', @::Token],
          ['no UTF-8', $syntax->(1), "\"\xff\"", @::Token],
          ['no type', ::refused('', 'unsupported_media_type'), '{}',
           'X-Secret' => 'hush'],
          ['two types', ::refused('', 'unsupported_media_type'), '{}',
           'X-Secret' => 'hush',
           'Content-Type' => ['application/json', 'application/json']],
          ['another type', ::refused('', 'unsupported_media_type'), '{}',
           'X-Secret' => 'hush', 'Content-Type' => 'text/plain'],
          ['a type of JSON', ::accepted('{}'), '{}', 'X-Secret' => 'hush',
           'Content-Type' => 'application/cloudevents+json; charset=UTF-8'],
          ['an encoding', ::refused('', 'unsupported_encoding'), '{}',
           @::Token, 'Content-Encoding' => 'gzip']);

    for my $method (qw(GET HEAD PUT DELETE OPTIONS PATCH)) {
        my $socket = ::dial();

        ::put($socket, ::request('/plain', '', @::Token, Method => $method));

        # an answer to HEAD has no body
        $is->(::answer($socket, $method eq 'HEAD'),
              $method eq 'HEAD' ? '405 [] '
                                : ::refused('', 'method_not_allowed'),
              "$method is not taken");
        $is->($::Head =~ /^Allow: ([^\r]*)/m ? $1 : '', 'POST',
              "$method: Allow");
    }
}



=== TEST 2: any: a token is enough, and the body does not matter
--- config eval
::location('/any', 'webhook any; webhook_secret hush;
                    webhook_secret_header X-Token;')
. ::location('/bearer', 'webhook any; webhook_secret "Bearer hush";
                         webhook_secret_header Authorization;')
. ::location('/open', 'webhook any; webhook_secret off;')
. ::location('/signed', 'webhook any; webhook_signature github hush-github;')
. ::shown('/provider', 'webhook any; webhook_secret off;',
          '$webhook_provider:$webhook_event:$webhook_reason')
--- http_config eval: $::Shows
--- client eval
sub {
    my $is = shift;
    my @token = ('X-Token' => 'hush');

    ::ask($is, '/any',
          (map { [length() . ' bytes', ::accepted($_), $_, @token] }
               '', '{', "\xff\0\r\n", '{}', 'a=b&c=d'),
          ['a type', ::accepted('x'), 'x', @token,
           'Content-Type' => 'image/png'],
          ['an encoding', ::accepted('x'), 'x', @token,
           'Content-Encoding' => 'gzip'],
          ['no secret', ::refused('X-Token', 'missing_secret'), 'x'],
          ['a wrong secret', ::refused('X-Token', 'invalid_secret'), 'x',
           'X-Token' => 'hush!'],
          ['GET', ::refused('', 'method_not_allowed'), '', @token,
           Method => 'GET']);

    ::ask($is, '/bearer',
          ['right', ::accepted('x'), 'x', Authorization => 'bearer hush'],
          ['wrong', ::refused('Bearer', 'invalid_secret'), 'x',
           Authorization => 'Bearer x']);

    ::ask($is, '/open', ['anybody', ::accepted('x'), 'x']);

    ::ask($is, '/signed',
          ['right', ::accepted('x'), 'x', ::sign('github', 'x')],
          ['unsigned', ::refused('github', 'missing_signature'), 'x']);

    ::ask($is, '/provider', ['its name', ::accepted('[any::]'), '']);
}



=== TEST 3: methods
--- http_config eval
::system_of('two', 'methods PUT PATCH')
. ::system_of('got', 'methods GET HEAD OPTIONS', 'media any')
. 'server { listen 127.0.0.1:$TEST_NGINX_PORT_3; return 200 taken; }'
--- config eval
(CORE::join '', map {
    ::location("/$_", "webhook $_; webhook_secret hush;",
               'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_3;')
} qw(two got))
--- client eval
sub {
    my $is = shift;

    for (['/two', 'PUT, PATCH', { PUT => 1, PATCH => 1 },
          qw(PUT PATCH POST GET HEAD OPTIONS DELETE)],
         ['/got', 'GET, HEAD, OPTIONS', { GET => 1, HEAD => 1, OPTIONS => 1 },
          qw(GET HEAD OPTIONS POST PUT DELETE PATCH)])
    {
        my ($uri, $allow, $taken, @methods) = @$_;

        for my $method (@methods) {
            my $socket = ::dial();

            ::put($socket, ::request($uri, '{}', @::Token,
                                     Method => $method));
            my ($status) = ::answer($socket, $method eq 'HEAD') =~ /^(\d+)/;

            $is->($status, $taken->{$method} ? 200 : 405, "$method $uri");
            $is->($::Head =~ /^Allow: ([^\r]*)/m ? $1 : '',
                  $taken->{$method} ? '' : $allow, "$method $uri: Allow");
        }
    }

    ::ask($is, '/got', ['GET without a body', ::accepted('taken'), '',
                        @::Token, Method => 'GET']);
}



=== TEST 4: media
--- http_config eval
::system_of('text', 'media text/plain Text/JSON none')
. ::system_of('none', 'media json none')
. ::system_of('whatever', 'media any')
. ::system_of('member', 'media any', 'field a a')
. $::Shows
--- config eval
(CORE::join '', map { ::location("/$_", "webhook $_; webhook_secret off;") }
              qw(text none whatever))
. ::shown('/member', 'webhook member; webhook_secret off;',
          '$webhook_field_a')
--- client eval
sub {
    my $is = shift;
    my $other = ::refused('', 415, 'Content-Type is none of the types that '
                                   . 'are taken', 'unsupported_media_type');
    my $type = ::refused('', 'unsupported_media_type');

    ::ask($is, '/text',
          (map { [$_, ::accepted('{}'), '{}', 'Content-Type' => $_] }
               'text/plain', 'TEXT/plain; charset=utf-8', 'text/json',
               'application/json', 'application/a+json'),
          ['no type', ::accepted('{}'), '{}'],
          (map { ["'$_'", $other, '{}', 'Content-Type' => $_] }
               'text/html', 'text/plain;charset=latin1', 'text/plainer',
               'text', 'text/', '', 'text/plain x'),
          ['two types', $other, '{}',
           'Content-Type' => ['text/plain', 'text/plain']],
          ['no JSON', ::refused('', 'invalid_json', offset => 0), 'x',
           'Content-Type' => 'text/plain'],
          ['no body', ::refused('', 'empty_body'), '',
           'Content-Type' => 'text/plain']);

    ::ask($is, '/none',
          ['no type', ::accepted('{}'), '{}'],
          ['JSON', ::accepted('{}'), '{}', @::Json],
          ['another', $type, '{}', 'Content-Type' => 'text/plain'],
          ['no JSON', ::refused('', 'invalid_json', offset => 0), 'x']);

    ::ask($is, '/whatever',
          ['no type', ::accepted('x'), 'x'],
          ['another', ::accepted('x'), 'x', 'Content-Type' => 'text/plain'],
          ['an encoding', ::accepted('x'), 'x', 'Content-Encoding' => 'br'],
          ['no body', ::accepted(''), '']);

    ::ask($is, '/member',
          ['no type', ::accepted('[1]'), '{"a":1}'],
          ['another', ::accepted('[1]'), '{"a":1}',
           'Content-Type' => 'text/plain'],
          ['two types', ::accepted('[1]'), '{"a":1}',
           'Content-Type' => ['text/plain', 'text/xml']],
          ['an encoding', ::refused('', 'unsupported_encoding'), '{"a":1}',
           'Content-Encoding' => 'br'],
          ['no JSON', ::refused('', 'invalid_json', offset => 0), 'x'],
          ['no body', ::refused('', 'empty_body'), '']);
}



=== TEST 5: an event named by a header
--- http_config eval
::system_of('open', 'event $http_x_event')
. ::system_of('known', 'event ${HTTP_X_Event}', 'events "Push Hook" tag')
. ::system_of('counted', 'event $http_x_event', 'events push', 'unknown pass')
. $::Shows
--- config eval
CORE::join '', map { ::shown("/$_", "webhook $_; webhook_secret hush;",
                       '$webhook_provider:$webhook_event') }
             qw(open known counted)
--- client eval
sub {
    my $is = shift;
    my $unknown = ::refused('', 400, 'the event is none of those that are '
                                     . 'known', 'unknown_event');

    ::show_of($is, '/open',
              ['any name', 'open:a b', '{}', 'X-Event' => 'a b'],
              ['no name', 'open:', '{}']);

    ::show_of($is, '/known',
              ['one', 'known:Push Hook', '{}', 'X-Event' => 'Push Hook'],
              ['another', 'known:tag', '[]', 'X-Event' => 'tag']);

    ::ask($is, '/known',
          (map { ["'$_'", $unknown, '{}', @::Token, 'X-Event' => $_] }
               'Push', 'Push Hooks', 'push hook', 'tagtag', ''),
          ['none', $unknown, '{}', @::Token],
          ['the secret comes first', ::refused('X-Secret', 'missing_secret'),
           '{}', @::Json],
          ['the type comes first', ::refused('', 'unsupported_media_type'),
           '{}', 'X-Secret' => 'hush'],
          ['JSON comes first', ::refused('', 'invalid_json', offset => 0),
           'x', @::Token]);

    ::show_of($is, '/counted',
              ['known', 'counted:push', '{}', 'X-Event' => 'push'],
              ['unknown', 'counted:pull', '{}', 'X-Event' => 'pull'],
              ['none', 'counted:', '{}']);
}



=== TEST 6: an event named by a member
--- http_config eval
::system_of('open', 'event kind')
. ::system_of('known', 'event data.object', 'events a 17')
. ::system_of('first', 'event [0].event', 'events open')
. ::system_of('counted', 'event a."b.c"[1]', 'events x', 'unknown pass')
. $::Shows
--- config eval
CORE::join '', map { ::shown("/$_", "webhook $_; webhook_secret hush;",
                       '$webhook_event') }
             qw(open known first counted)
--- client eval
sub {
    my $is = shift;
    my $field = sub {
        my ($reason, $field, $told) = @_;
        $field =~ s/"/\\"/g;
        return ::refused('', 400, "$field $told", $reason, field => $field);
    };

    ::show_of($is, '/open',
              ['a string', 'a.b', '{"kind":"a.b"}'],
              ['with escapes', '%0Ax', '{"kind":"\\nx"}'],
              ['an integer', '-12', '{"kind":-12}'],
              ['a number with a fraction', '', '{"kind":1.5}'],
              ['true', '', '{"kind":true}'],
              ['null', '', '{"kind":null}'],
              ['an object', '', '{"kind":{"kind":"x"}}'],
              ['an array', '', '{"kind":["x"]}'],
              ['an empty one', '', '{"kind":""}'],
              ['none', '', '{"Kin":"x"}'],
              ['no object', '', '["kind"]'],
              ['a scalar', '', '1'],
              ['8193 bytes', '', '{"kind":"' . 'x' x 8193 . '"}']);

    ::ask($is, '/open',
          ['twice', $field->('duplicate_field', 'kind',
                             'is there more than once'),
           '{"kind":1,"kind":1}', @::Token],
          ['twice, in another case',
           $field->('duplicate_field', 'kind', 'is there more than once'),
           '{"kind":1,"KIND":1}', @::Token]);

    ::show_of($is, '/known',
              ['known', 'a', '{"data":{"object":"a"}}'],
              ['by a number', '17', '{"data":{"object":17},"more":[]}'],
              ['with a number as text', '17', '{"data":{"object":"17"}}']);

    ::ask($is, '/known',
          ['unknown', $field->('unknown_event', 'data.object',
                               'names no known event'),
           '{"data":{"object":"b"}}', @::Token],
          ['missing', $field->('missing_field', 'data.object',
                               'is required'),
           '{"data":{}}', @::Token],
          ['its object is missing', $field->('missing_field', 'data',
                                             'is required'),
           '{"object":"a"}', @::Token],
          ['its object is an array', $field->('invalid_field', 'data',
                                              'must be an object'),
           '{"data":["object"]}', @::Token],
          ['its object is null', $field->('invalid_field', 'data',
                                          'must be an object'),
           '{"data":null}', @::Token],
          ['null', $field->('invalid_field', 'data.object',
                            'must be a non-empty string or an integer'),
           '{"data":{"object":null}}', @::Token],
          ['empty', $field->('invalid_field', 'data.object',
                             'must be a non-empty string or an integer'),
           '{"data":{"object":""}}', @::Token],
          ['twice', $field->('duplicate_field', 'data.object',
                             'is there more than once'),
           '{"data":{"object":"a","object":"a"}}', @::Token],
          ['its object twice', $field->('duplicate_field', 'data',
                                        'is there more than once'),
           '{"data":{"object":"a"},"data":{}}', @::Token],
          ['no object', ::refused('', 400, 'the body must be a JSON object',
                                  'invalid_field'),
           '[]', @::Token]);

    ::show_of($is, '/first',
              ['the first', 'open', '[{"event":"open"},{"event":"x"}]'],
              ['behind others', 'open', '[{"a":[{"event":1}],"event":"open"}]']);

    ::ask($is, '/first',
          ['unknown', $field->('unknown_event', '[0].event',
                               'names no known event'),
           '[{"event":"x"},{"event":"open"}]', @::Token],
          ['missing', $field->('missing_field', '[0].event', 'is required'),
           '[{},{"event":"open"}]', @::Token],
          ['no element', $field->('missing_field', '[0]', 'is required'),
           '[]', @::Token],
          ['a scalar', $field->('invalid_field', '[0]',
                                'must be an object'),
           '["event"]', @::Token],
          ['an array of arrays', $field->('invalid_field', '[0]',
                                          'must be an object'),
           '[[{"event":"open"}]]', @::Token],
          ['an object', ::refused('', 400, 'the body must be a JSON array',
                                  'invalid_field'),
           '{"event":"open"}', @::Token]);

    ::show_of($is, '/counted',
              ['known', 'x', '{"a":{"b.c":["y","x"]}}'],
              ['another', 'z', '{"a":{"b.c":["x","z","x"]}}'],
              ['not so many', '', '{"a":{"b.c":["x"]}}'],
              ['another name', '', '{"a":{"b":{"c":["x","x"]}}}'],
              ['no array', '', '{"a":{"b.c":{"1":"x"}}}'],
              ['no object', '', '{"a":["b.c","x"]}']);

    ::ask($is, '/counted',
          ['a path with quotes', $field->('duplicate_field', 'a."b.c"',
                                          'is there more than once'),
           '{"a":{"b.c":[],"b.c":[]}}', @::Token]);
}



=== TEST 7: an event named by the path
--- http_config eval
::system_of('path', 'event uri', 'events push "a b"')
. ::system_of('open', 'event uri')
. ::system_of('member', q{event '"uri"'})
. $::Shows
--- config eval
CORE::join '', map { ::shown("/$_/", "webhook $_; webhook_secret hush;",
                       '$webhook_event') }
             qw(path open member)
--- client eval
sub {
    my $is = shift;
    my $unknown = ::refused('', 400, 'the event is none of those that are '
                                     . 'known', 'unknown_event');

    ::show_of($is, '/path/x/push?a=b', ['the last segment', 'push', '{}']);
    ::show_of($is, '/path/a%20b', ['decoded', 'a b', '{}']);

    ::ask($is, $_, ['unknown', $unknown, '{}', @::Token],
                   ['the secret comes first',
                    ::refused('X-Secret', 'missing_secret'), '{}'])
        for qw(/path/ /path/pull /path/push/ /path/push/x /path/x%2fpush
               /path/Push);

    ::show_of($is, '/open/any', ['any', 'any', '{}']);
    ::show_of($is, '/open/', ['none', '', '{}']);
    ::show_of($is, '/member/x', ['a member of this name', 'y',
                                 '{"uri":"y"}']);
}



=== TEST 8: an id from a header or a member
--- http_config eval
::system_of('default')
. ::system_of('header', 'id $http_x_id')
. ::system_of('member', 'id data.id')
. $::Shows
--- config eval
CORE::join '', map { ::shown("/$_", "webhook $_; webhook_secret hush;",
                       '$webhook_id') }
             qw(default header member)
--- client eval
sub {
    my $is = shift;
    my $uuid = ::uuid_of();
    my $made = sub {
        my ($uri, $name, @request) = @_;
        $is->(::one($uri, @request) =~ /^200 \[\] $uuid$/ ? 1 : 0, 1,
              "$uri: $name");
    };

    ::show_of($is, '/default', ['webhook-id', 'w1', '{}',
                                'webhook-id' => 'w1']);
    $made->('/default', 'none', '{}', @::Token);

    ::show_of($is, '/header', ['the header', 'h1', '{}', 'X-Id' => 'h1',
                               'webhook-id' => 'w1']);

    $made->('/header', 'none', '{}', @::Token, 'webhook-id' => 'w1');
    $made->('/header', 'a blank', '{}', @::Token, 'X-Id' => 'a b');
    $made->('/header', '257 bytes', '{}', @::Token, 'X-Id' => 'x' x 257);
    $made->('/header', 'no ASCII', '{}', @::Token, 'X-Id' => "\xc3\xa4");

    ::show_of($is, '/member',
              ['a string', 'm1', '{"data":{"id":"m1"}}', 'webhook-id' => 'w'],
              ['an integer', '9007199254740993',
               '{"data":{"id":9007199254740993}}'],
              ['256 bytes', 'x' x 256,
               '{"data":{"id":"' . 'x' x 256 . '"}}']);

    $made->('/member', "'$_'", $_, @::Token, 'webhook-id' => 'w1')
        for '{}', '[]', '{"data":1}', '{"data":{"id":null}}',
            '{"data":{"id":1.0}}', '{"data":{"id":["x"]}}',
            '{"data":{"id":""}}', '{"data":{"id":"a b"}}',
            '{"data":{"id":"\\u0000"}}', '{"data":{"id":"' . 'x' x 257 . '"}}';

    ::ask($is, '/member',
          ['twice', ::refused('', 400, 'data.id is there more than once',
                              'duplicate_field', field => 'data.id'),
           '{"data":{"id":"a","id":"b"}}', @::Token]);
}



=== TEST 9: an id that is a member of the payload is not made up too early
--- http_config eval
::system_of('member', 'id id') . $::Shows
. 'log_format ids "$status [$webhook_id]";'
--- config eval
::shown('/member', 'webhook member; webhook_secret hush; set $early $webhook_id;
                    access_log logs/ids.log ids;',
        '$early|$webhook_id')
. 'location = /ids { alias $TEST_NGINX_SERVER_ROOT/logs/ids.log; }'
  =~ s/\$TEST_NGINX_SERVER_ROOT/$ENV{TEST_NGINX_SERVROOT}/r
--- client eval
sub {
    my $is = shift;

    ::show_of($is, '/member', ['looked at before and after', '|i1',
                               '{"id":"i1"}']);

    # one that is refused has an id in the log all the same
    ::ask($is, '/member', ['refused', ::refused('X-Secret', 'missing_secret'),
                           '{"id":"i2"}', @::Json]);

    my $socket = ::dial();
    ::put($socket, ::request('/ids', '', Method => 'GET'));
    my $log = ::answer($socket);
    my $uuid = ::uuid_of();

    $is->($log =~ /^200 \[\] 200 \[i1\]\n401 $uuid\n$/ ? 1 : $log, 1,
          'what the log says');
}



=== TEST 10: fields: members at paths of any kind
--- http_config eval
::system_of('deep', 'field Plain_1 a.b', 'field odd a."b.c"',
            'field quoted \'a."x\\\\"y"\'', 'field empty \'""\'',
            'field zero l[0]', 'field nested l[2][1].x',
            'field top [1]', 'field deep a.n.b.c.d.e.f.g.h',
            "field utf \xc3\xbc.\xe2\x82\xac")
. $::Shows
--- config eval
::shown('/deep', 'webhook deep; webhook_secret hush;',
        '$webhook_field_plain_1|$webhook_field_odd|$webhook_field_quoted|$webhook_field_empty|$webhook_field_zero|$webhook_field_nested|$webhook_field_top|$webhook_field_deep|$webhook_field_utf')
--- client eval
sub {
    my $is = shift;
    my $twice = sub {
        my $field = $_[0] =~ s/"/\\"/gr;
        return ::refused('', 400, "$field is there more than once",
                         'duplicate_field', field => $field);
    };

    ::show_of($is, '/deep',
              ['none', '||||||||', '{}'],
              ['scalars', '1|x|true|-0.5|||||',
               '{"a":{"b":1,"b.c":"x","x\"y":true},"":-0.5}'],
              ['nothing and text', '||q||||||',
               '{"a":{"b":null,"x\"y":"q"}}'],
              ['arrays and objects as they are',
               '[1, {"b":2}]|{"c" : "d"}|||||||',
               '{"a":{"b":[1, {"b":2}],"b.c":{"c" : "d"}}}'],
              ['elements', '||||7|y|||', '{"l":[7,8,[0,{"x":"y"}],9]}'],
              ['elements of other kinds', '||||{"z":[1]}||||',
               '{"l":[{"z":[1]},[[1],2],{"1":{"x":1}}]}'],
              ['not so many elements', '||||||||', '{"l":[]}'],
              ['an array as the whole', '||||||{"a":1}||',
               '[{"l":[1]},{"a":1},3]'],
              ['deep', '|||||||yes|',
               '{"a":{"n":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"yes"}}}}}}}}}'],
              ['not ASCII', "||||||||\xc3\xa4",
               "{\"\xc3\xbc\":{\"\\u20ac\":\"\xc3\xa4\"}}"],
              ['scalars where objects would be', '||||||||',
               "{\"a\":5,\"l\":\"[7]\",\"\xc3\xbc\":null}"],
              ['objects where arrays would be', '||||||||',
               '{"l":{"0":1,"[0]":2,"":3}}'],
              ['arrays where objects would be', '||||||||',
               '{"a":["b",{"b":1}]}'],
              ['other names', '||||||||',
               '{"a.b":1,"b":2,"a":{"c":3,"b.":4},"l[0]":5}'],
              ['a scalar as the whole', '||||||||', '"a"'],
              ['8192 bytes', 'x' x 8192 . '||||||||',
               '{"a":{"b":"' . 'x' x 8192 . '"}}'],
              ['8193 bytes', '||||||||',
               '{"a":{"b":"' . 'x' x 8193 . '"}}'],
              ['control characters', '%00%1F%7F ||||||||',
               '{"a":{"b":"\\u0000\\u001f\\u007f "}}']);

    ::ask($is, '/deep',
          ['a member twice', $twice->('a.b'), '{"a":{"b":1,"b":1}}',
           @::Token],
          ['an object twice', $twice->('a'), '{"a":{},"a":{}}', @::Token],
          ['in another case', $twice->('a.b'), '{"a":{"B":1,"b":1}}',
           @::Token],
          ['a name with dots twice', $twice->('a."b.c"'),
           '{"a":{"b.c":1,"b\\u002ec":1}}', @::Token],
          ['within an element', ::refused('', 400,
                                          'l[2][1].x is there more than once',
                                          'duplicate_field',
                                          field => 'l[2][1].x'),
           '{"l":[0,0,[0,{"x":1,"x":1}]]}', @::Token],
          ['what no path names may be there twice',
           ::accepted('[||||0||||]'),
           '{"z":1,"z":2,"l":[0,0,{"x":1,"x":1}]}', @::Token]);

    # byte by byte
    my $socket = ::dial();
    my $body = '{"l":[7,[],[{},{"x":"y"}]],"a":{"b.c":[1,2]}}';

    ::put_slowly($socket, ::chunked('/deep', [split //, $body], @::Token));
    $is->(::answer($socket), '200 [] [|[1,2]|||7|y|||]', 'in pieces');
}



=== TEST 11: a tenant, and other variables made of members
--- http_config eval
::system_of('cloud', 'event type', 'id id', 'tenant account.id',
            'field account account.id', 'field kind type')
. $::Shows
. 'map $webhook_field_kind $short { default other; ~^(?<k>[a-z]+)\. $k; }'
--- config eval
::shown('/cloud', 'webhook cloud; webhook_secret hush;',
        '$webhook_tenant|$webhook_field_account|$webhook_event|$webhook_field_kind|$webhook_id|$short')
. ::shown('/munity', 'webhook munity; webhook_secret hush;',
          '$webhook_tenant|$webhook_field_workspace_id')
--- client eval
sub {
    my $is = shift;

    ::show_of($is, '/cloud',
              ['all of them', 'acct_1|acct_1|order.paid|order.paid|e1|order',
               '{"id":"e1","type":"order.paid","account":{"id":"acct_1"}}'],
              ['a number', '7|7|x|x|1|other',
               '{"id":1,"type":"x","account":{"id":7}}']);

    $is->(::one('/cloud', '{"account":{"id":[1]}}', @::Token)
          =~ /^200 \[\] \[\|\[1\]\|\|\|[-0-9a-f]{36}\|other\]$/ ? 1 : 0, 1,
          'none');

    ::show_of($is, '/munity',
              ['the workspace', 'w|w',
               '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
               . '"state":null,"payload":{"test":true}}']);
}



=== TEST 12: credentials
--- http_config eval
::system_of('none', 'credential none') . ::system_of('due', 'credential required')
. ::system_of('named', 'event $http_x_event', 'events a')
--- config eval
::location('/none', 'webhook none;')
. ::location('/secret', 'webhook none; webhook_secret hush;')
. ::location('/off', 'webhook due; webhook_secret off;')
. ::location('/signed', 'webhook named; webhook_signature github hush-github;')
. ::location('/both', 'webhook due; webhook_signature github hush-github;
                       webhook_secret hush;')
. ::location('/some', 'satisfy any; deny all; webhook due;
                       webhook_secret hush;')
--- client eval
sub {
    my $is = shift;
    my @signed = ::sign('github', '{}');
    my $unsigned = ::refused('github', 'missing_signature');

    ::ask($is, '/none', ['anybody', ::accepted('{}'), '{}', @::Json]);
    ::ask($is, '/off', ['anybody', ::accepted('{}'), '{}', @::Json]);

    ::ask($is, '/secret',
          ['no secret', ::refused('X-Secret', 'missing_secret'), '{}',
           @::Json],
          ['a secret', ::accepted('{}'), '{}', @::Token]);

    ::ask($is, '/signed',
          ['signed', ::accepted('{}'), '{}', @::Json, @signed,
           'X-Event' => 'a'],
          ['unsigned', $unsigned, '{}', @::Json, 'X-Event' => 'a'],
          ['unsigned, and unknown', $unsigned, '{}', @::Json],
          ['unsigned, and no JSON', $unsigned, 'x'],
          ['signed, and no type', ::refused('', 'unsupported_media_type'),
           '{}', @signed, 'X-Event' => 'a'],
          ['signed, and unknown',
           ::refused('', 400, 'the event is none of those that are known',
                     'unknown_event'),
           '{}', @::Json, @signed]);

    ::ask($is, '/both',
          ['both', ::accepted('{}'), '{}', @::Token, @signed],
          ['no secret', ::refused('X-Secret', 'missing_secret'), '{}',
           @::Json, @signed],
          ['no signature', $unsigned, '{}', @::Token]);

    ::ask($is, '/some',
          ['a secret', ::accepted('{}'), '{}', @::Token],
          ['none', ::refused('X-Secret', 'missing_secret'), '{}', @::Json]);
}



=== TEST 13: a location may stand before the block, in another server, or nested
--- http_config eval
'server { listen 127.0.0.1:$TEST_NGINX_PORT_3;'
. ::shown('/', 'webhook late; webhook_secret hush;
                location /in/ { proxy_set_header X-Show in;
                    proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }',
          '$webhook_field_a')
. '} ' . ::system_of('late', 'field a a') . $::Shows
--- config eval: ::shown('/here', 'webhook late; webhook_secret hush;', '$webhook_field_a')
--- client eval
sub {
    my $is = shift;

    ::show_of($is, '/here', ['behind it', '1', '{"a":1}']);

    for (['/x', '[1]'], ['/in/x', 'in']) {
        my ($uri, $shown) = @$_;
        my $socket = ::dial($ENV{TEST_NGINX_PORT_3});

        ::put($socket, ::request($uri, '{"a":1}', @::Token));
        $is->(::answer($socket), "200 [] $shown", "before it: $uri");

        ::put($socket, ::request($uri, '{"a":1}', @::Json));
        $is->(::answer($socket), ::refused('X-Secret', 'missing_secret'),
              "before it: $uri without a secret");
    }
}



=== TEST 14: a redirect to another system judges anew
--- http_config eval
::system_of('one', 'field a a', 'id id') . ::system_of('two', 'field b b')
. $::Shows
--- config eval
::location('/one', 'webhook one; webhook_secret hush;', 'try_files /none @two;')
. ::shown('@two', 'webhook two; webhook_secret hush;',
          '$webhook_provider|$webhook_field_a|$webhook_field_b')
. ::location('/page', 'webhook one; webhook_secret hush;
                       error_page 401 = @page;')
. 'location @page { add_header X-Reason $webhook_reason;
                    return 200 "$webhook_provider:$webhook_reason"; }'
--- client eval
sub {
    my $is = shift;

    ::show_of($is, '/one', ['by the second', 'two||2', '{"a":1,"b":2}']);
    ::ask($is, '/page', ['an error page',
                         '200 [X-Secret] one:missing_secret', '{}']);
}



=== TEST 15: over HTTP/2
--- http2
--- http_config eval
::system_of('member', 'event kind', 'events a', 'field b list[1]') . $::Shows
--- config eval
::shown('/member', 'webhook member; webhook_secret hush;',
        '$webhook_event|$webhook_field_b')
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my @header = ('content-type', 'application/json', 'x-secret', 'hush');

    ::put($socket, ::headers(1, '/member', @header),
          (map { ::data(1, $_) } split //, '{"list":[0,"l"],"kind":"a"}'),
          ::end(1));
    $is->(::answer2($socket, 1), '200 [a|l]', 'an event');

    ::put($socket, ::headers(3, '/member', @header),
          ::data(3, '{"kind":"b"}', 1));
    $is->(::answer2($socket, 3),
          ::refused('', 400, 'kind names no known event', 'unknown_event',
                    field => 'kind') =~ s/\[\] //r,
          'an unknown event');
}



=== TEST 16: a body in a file, and 1 MB of elements
--- http_config eval
::system_of('large', 'field last l[9999].n', 'field after z') . $::Shows
--- config eval
::shown('/large', 'webhook large; webhook_secret hush;
                   client_body_buffer_size 1k; client_max_body_size 8m;',
        '$webhook_field_last|$webhook_field_after')
--- client eval
sub {
    my $is = shift;
    my $body = '{"l":[' . CORE::join(',', map { "{\"n\":$_,\"l\":[[]]}" } 0 .. 50000)
               . '],"z":"end"}';

    ::show_of($is, '/large', ['the last one that can be named', '9999|end',
                              $body]);
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 17: the bodies of refusals, and their log
--- http_config eval: ::system_of('own', 'event kind', 'events a')
--- config eval: ::location('/own', 'webhook own; webhook_secret hush;')
--- request
POST /own
{"kind":"b"}
--- more_headers
Content-Type: application/json
X-Secret: hush
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body
{"type":"about:blank","title":"Bad Request","status":400,"detail":"kind names no known event","reason":"unknown_event","field":"kind"}
--- error_log
webhook own refused: unknown_event "kind"



=== TEST 18: a challenge, and an event that is named by the same member
--- http_config eval: ::system_of('chat', 'event type', 'events event_callback')
--- config eval
::location('/chat', 'webhook chat; webhook_challenge slack;
                     webhook_challenge head; ' . ::signature('slack', 1))
--- client eval
sub {
    my $is = shift;
    my $asks = '{"type":"url_verification","challenge":"c1"}';
    my $event = '{"type":"event_callback"}';
    my $other = '{"type":"other"}';

    ::ask($is, '/chat',
          ['a challenge', '200 [] c1', $asks, @::Json,
           ::sign('slack', $asks)],
          ['unsigned', ::refused('slack', 'missing_signature'), $asks,
           @::Json],
          ['an event', ::accepted($event), $event, @::Json,
           ::sign('slack', $event)],
          ['an unknown event',
           ::refused('', 400, 'type names no known event', 'unknown_event',
                     field => 'type'),
           $other, @::Json, ::sign('slack', $other)]);

    my $socket = ::dial();
    ::put($socket, ::request('/chat', '', Method => 'HEAD'));
    $is->(::answer($socket, 1) =~ /^200/ ? 1 : 0, 1, 'HEAD');

    ::put($socket = ::dial(), ::request('/chat', '', Method => 'GET'));
    $is->(::answer($socket), ::refused('', 'method_not_allowed'), 'GET');
}
