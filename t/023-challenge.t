use strict;
use warnings;

use lib 't/lib';
use Answers qw(luzmo problem);
use HTTPClient qw($Head answer answer2 chunks data dial dial2 headers put
                  request);
use LuzmoEvent ();
use NginxProcess;
use Test::More;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);

# Challenges of senders: each of them right, wrong, too long, with a queue and
# while the application is down, over HTTP/1.1 and HTTP/2.

my $Root = $NginxProcess::Root;
my $Port = NginxProcess::port(0);
my $Down = NginxProcess::port(1);
my $Port2 = NginxProcess::port(2);

my $Key = 'hush-slack';
my @Json = ('Content-Type' => 'application/json');
my @Form = ('Content-Type' => 'application/x-www-form-urlencoded');
my @Secret = ('X-Secret' => 'hush-secret');

my $Slack = '{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}';
my $Zoom = '{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},'
           . '"event_ts":1654503849680,"event":"endpoint.url_validation"}';
my $Text = 'must be 1 to 4096 bytes of UTF-8 without control characters';
my $Token = 'must be 1 to 4096 letters, digits and characters of -._~+/=';

# what is answered with a text, with JSON, with an error body
my %Type = (text => 'text/plain', json => 'application/json',
            problem => 'application/problem+json');


# --- the server -------------------------------------------------------------

my $nginx = NginxProcess->new(name => 'challenge');

NginxProcess::write_file("$Root/tokens", "hush-one\n\nhush two&%\r\n");

my $Queued = 'webhook_queue q;';
my $Passed = "proxy_pass http://127.0.0.1:$Down;";
my $All = <<"EOF";
            webhook_challenge slack;
            webhook_challenge meta file=$Root/tokens;
            webhook_challenge graph;
            webhook_challenge dropbox;
            webhook_challenge zoom hush-zoom;
            webhook_challenge twitter hush-twitter;
            webhook_challenge okta;
            webhook_challenge discord;
            webhook_challenge cloudevents 120;
            webhook_challenge head;
EOF

# X's is the only one with which an event must be an object.
my $Others = $All =~ s/^.*twitter.*\n//mr;

$nginx->configure(http => <<"EOF");
    webhook_queue_path $Root/queue queue=q;
    webhook_status_zone zone=status:64k;
    webhook_dedup_zone zone=seen:1m;
    log_format judged '\$request_method \$uri \$status '
                      '\$webhook_provider [\$webhook_reason]';
    large_client_header_buffers 4 16k;

    map \$arg_tenant \$tenant {
        default "";
        acme    hush-acme;
    }

    server {
        listen 127.0.0.1:$Port;
        listen 127.0.0.1:$Port2 http2;
        server_tokens off;
        client_max_body_size 8m;
        access_log $Root/logs/judged.log judged;

        location = /status {
            webhook_status zone=status;
        }

        location /api/ {
            webhook_api;
            webhook_secret off;
        }

        location /queue/ {
            webhook signed;
            webhook_signature slack $Key;
            webhook_dedup \$http_x_key zone=seen;
            $All
            $Queued
        }

        location /others/ {
            webhook signed;
            webhook_signature slack $Key;
            $Others
            $Queued
        }

        location /down/ {
            webhook signed;
            webhook_signature slack $Key;
            webhook_secret hush-secret;
            $All
            $Passed

            location /down/inner/ {
                $Passed
            }

            location /down/own/ {
                webhook_challenge head;
                $Passed
            }
        }

        location /file/ {
            webhook signed;
            webhook_signature slack $Key;
            client_body_buffer_size 8;
            $All
            $Passed
        }

        location /luzmo/ {
            webhook luzmo;
            webhook_secret hush-secret;
            $All
            $Passed
        }

        location /tenant/ {
            webhook signed;
            webhook_signature slack $Key;
            webhook_challenge meta \$tenant;
            webhook_challenge zoom \$tenant;
            webhook_challenge twitter \$tenant;
            $Passed
        }

        location /none/ {
            webhook signed;
            webhook_signature slack $Key;
            $Passed
        }

        location /any/ {
            satisfy any;
            deny all;
            webhook signed;
            webhook_signature slack $Key;
            webhook_challenge meta hush-one;
            webhook_challenge graph;
            $Passed
        }

        location /denied/ {
            deny all;
            webhook signed;
            webhook_signature slack $Key;
            $All
            $Passed
        }

        location /first/ {
            webhook signed;
            webhook_signature slack $Key;
            webhook_challenge dropbox;
            proxy_pass http://127.0.0.1:$Down;
            error_page 502 503 504 = \@held;
        }

        location \@held {
            webhook signed;
            webhook_signature slack $Key;
            webhook_challenge slack;
            $Queued
        }
    }
EOF

# nobody listens there, and what nginx itself refuses
$nginx->expect(qr/connect\(\) failed \(111: Connection refused\)/,
               qr/access forbidden by rule/);
$nginx->start;

sub signed {
    my ($body, %with) = @_;
    my $time = $with{time} // time;

    return ('X-Slack-Request-Timestamp' => $time,
            'X-Slack-Signature' =>
            'v0=' . hmac_sha256_hex("v0:$time:$body", $with{key} // $Key));
}

# all of an answer that matters
sub told {
    my ($answer) = @_;
    my ($type) = $Head =~ /^Content-Type: ([^\s;]+)/mi;
    my $nosniff = $Head =~ /^X-Content-Type-Options: nosniff\r$/mi
                  ? ' nosniff' : '';
    my ($allow) = $Head =~ /^Allow: (.*)\r$/mi;

    return join ' | ', $answer, ($type // '') . $nosniff, $allow // ();
}

sub answered {
    my ($kind, $body) = @_;

    return "200 $body | $Type{$kind}" . ($kind eq 'text' ? ' nosniff' : '');
}

sub refusal {
    my $body = problem(@_);
    my ($status) = $body =~ /"status":(\d+)/;

    return "$status $body | $Type{problem}";
}

# A case: name, answer, method, path, body, headers; over one connection.
sub ask {
    my ($prefix, @cases) = @_;
    my $socket = dial($Port);

    for (@cases) {
        my ($name, $answer, $method, $path, $body, @header) = @$_;

        put($socket, request($method, "$prefix$path", $body, @header));
        is(told(answer($socket, $method eq 'HEAD')), $answer,
           "$prefix: $name");
    }
}

sub waiting {
    my $answer = NginxProcess::Client->new->request(GET => '/api/queues/q');

    return $answer->{body} =~ /"waiting":(\d+)/ ? $1 : undef;
}

sub zoomed {
    my ($token, $key) = @_;

    return qq({"plainToken":"$token","encryptedToken":")
           . hmac_sha256_hex($token, $key // 'hush-zoom') . qq("}\n);
}

sub twittered {
    my ($token, $key) = @_;

    return '{"response_token":"sha256='
           . encode_base64(hmac_sha256($token, $key // 'hush-twitter'), '')
           . qq("}\n);
}


# --- each of them -----------------------------------------------------------

# as they should be
my $allow = 'POST, GET, HEAD, OPTIONS';
my @Good = (
    ['slack', answered(text => '3eZbrw1aB'), 'POST', '', $Slack, @Json,
     signed($Slack)],
    ['slack, a form', answered(text => ''), 'POST', '',
     'ssl_check=1&token=x', @Form, signed('ssl_check=1&token=x')],
    ['meta', answered(text => '1158201444'), 'GET',
     '?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=hush-one',
     undef],
    ['meta, another token', answered(text => '7'), 'GET',
     '?hub.verify_token=hush+two%26%25&hub.mode=subscribe&hub.challenge=7',
     undef],
    ['graph', answered(text => 'Validation: Testing + more'), 'POST',
     '?validationToken=Validation%3a+Testing%20%2B%20more', '',
     'Content-Type' => 'text/plain; charset=utf-8'],
    ['graph, GET', answered(text => 'abc'), 'GET', '?x=y&validationToken=abc',
     undef],
    ['dropbox', answered(text => 'a-b_c'), 'GET', '?challenge=a-b_c', undef],
    ['zoom', answered(json => zoomed('qgg8vlvZRS6UYooatFL8Aw')), 'POST', '',
     $Zoom, @Json, signed($Zoom)],
    ['twitter', answered(json => twittered('MjU2==')), 'GET',
     '?crc_token=MjU2%3D%3d&nonce=1', undef],
    ['okta', answered(json => qq({"verification":"my challenge \\"1\\""}\n)),
     'GET', '', undef,
     'X-Okta-Verification-Challenge' => 'my challenge "1"'],
    ['discord', answered(json => qq({"type":1}\n)), 'POST', '',
     '{"id":"7","type":1}', @Json, signed('{"id":"7","type":1}')],
    ['cloudevents', answered(text => '') . " | $allow", 'OPTIONS', '', undef,
     'WebHook-Request-Origin' => 'eventemitter.example.com',
     'WebHook-Request-Rate' => '1000'],
    ['head', answered(text => ''), 'HEAD', '', undef],
);

for my $prefix (qw(/queue/x /down/x /down/inner/x /file/x)) {
    subtest "good ones at $prefix" => sub {
        ask($prefix, map {
            my @case = @$_;
            push @case, @Secret if $prefix =~ /down/ && $case[2] eq 'POST'
                                   && $case[0] ne 'graph';
            \@case
        } @Good);
    };
}

subtest 'headers of cloudevents' => sub {
    my $socket = dial($Port);

    put($socket, request('OPTIONS', '/queue/', undef,
                         'WebHook-Request-Origin' => 'a.example'));
    is(answer($socket), '200 ', 'the answer');
    like($Head, qr/^WebHook-Allowed-Origin: a\.example\r$/m, 'the origin');
    like($Head, qr/^WebHook-Allowed-Rate: 120\r$/m, 'the rate');
    like($Head, qr/^Content-Length: 0\r$/m, 'no body');
};


# --- wrong ones -------------------------------------------------------------

subtest 'a challenge that is not signed' => sub {
    my $missing = refusal('missing_signature');
    my $invalid = refusal('invalid_signature');
    my $stale = refusal('stale_signature');

    for my $case (['slack', $Slack], ['zoom', $Zoom],
                  ['discord', '{"type":1}'], ['form', 'ssl_check=1'])
    {
        my ($name, $body) = @$case;
        my @type = $name eq 'form' ? @Form : @Json;

        ask('/queue/',
            ["$name, no signature", $missing, 'POST', '', $body, @type],
            ["$name, a wrong one", $invalid, 'POST', '', $body, @type,
             signed("$body ")],
            ["$name, another key", $invalid, 'POST', '', $body, @type,
             signed($body, key => 'other')],
            ["$name, an old one", $stale, 'POST', '', $body, @type,
             signed($body, time => time - 600)]);

        ask('/down/',
            ["$name, no secret", refusal('missing_secret'), 'POST', '', $body,
             @type, signed($body)],
            ["$name, a wrong secret", refusal('invalid_secret'), 'POST', '',
             $body, @type, signed($body), 'X-Secret' => 'x'],
            ["$name, no signature", $missing, 'POST', '', $body, @type,
             @Secret]);
    }
};

subtest 'meta' => sub {
    my $refused = refusal(403, 'hub.verify_token is not the verify token of '
                               . 'this URL', 'challenge_refused',
                          field => 'hub.verify_token');
    my $start = '?hub.mode=subscribe&hub.challenge=7';

    ask('/queue/',
        (map { ['token: ' . substr($_, 0, 40), $refused, 'GET',
                "$start&hub.verify_token=$_", undef] }
         '', 'hush-on', 'hush-one2', 'HUSH-ONE', 'hush-one%00', 'hush%2done%2',
         'hush-one&hub.verify_token=hush-one', 'x' x 5000),
        ['no token', $refused, 'GET', $start, undef],
        ['one without a value', $refused, 'GET', "$start&hub.verify_token",
         undef],
        ['another one in its place', $refused, 'GET',
         "$start&xhub.verify_token=hush-one", undef],
        ['a quoted one', answered(text => '7'), 'GET',
         "$start&hub.verify_token=%68ush-on%65", undef],
        ['no challenge', refusal(400, "hub.challenge $Text",
                                 'invalid_challenge',
                                 field => 'hub.challenge'),
         'GET', '?hub.mode=subscribe&hub.verify_token=hush-one', undef],
        ['twice', refusal(400, 'hub.challenge is there more than once',
                          'duplicate_field', field => 'hub.challenge'),
         'GET', "$start&hub.challenge=8&hub.verify_token=hush-one", undef],
        (map { [$_, refusal('method_not_allowed') . " | $allow", 'GET', $_,
                undef] }
         '', '?hub.challenge=7&hub.verify_token=hush-one',
         '?hub.mode=unsubscribe&hub.challenge=7&hub.verify_token=hush-one',
         '?hub.mode=&hub.challenge=7&hub.verify_token=hush-one',
         '?HUB.MODE=subscribe&hub.challenge=7&hub.verify_token=hush-one'));
};

# what text is answered: where it is, and how it is put there
my @Echo = (
    [graph => 'validationToken', sub { 'GET', "?validationToken=$_[0]" }],
    [dropbox => 'challenge', sub { 'GET', "?challenge=$_[0]" }],
    [meta => 'hub.challenge', sub {
        'GET', '?hub.mode=subscribe&hub.verify_token=hush-one'
               . "&hub.challenge=$_[0]"
    }],
);

subtest 'texts in a query string' => sub {
    for my $case (@Echo) {
        my ($name, $field, $put) = @$case;
        my $wrong = refusal(400, "$field $Text", 'invalid_challenge',
                            field => $field);

        ask('/queue/', map {
            my ($what, $sent, $answer) = @$_;
            ["$name, $what", defined $answer ? answered(text => $answer)
                                             : $wrong,
             $put->($sent), undef]
        } (['one byte', 'x', 'x'],
           ['4096 bytes', 'x' x 4096, 'x' x 4096],
           ['4097 bytes', 'x' x 4097],
           ['4096 bytes that are quoted', '%41' x 2000 . 'x' x 2096,
            'A' x 2000 . 'x' x 2096],
           ['4097 bytes that are quoted', '%41' x 2000 . 'x' x 2097],
           ['4096 bytes of UTF-8', '%c3%a9' x 1000 . 'x' x 2096,
            "\xc3\xa9" x 1000 . 'x' x 2096],
           ['nothing', ''],
           ['HTML', '%3Cscript%3Ealert(1)%3C/script%3E',
            '<script>alert(1)</script>'],
           ['HTML that is not quoted', '<b>"\'<!--', '<b>"\'<!--'],
           ['quotes and backslashes', '%22%5C%5c', '"\\\\'],
           ['a blank', '+%20+', '   '],
           ['a plus', 'a%2Bb', 'a+b'],
           ['an equals sign', 'a=b=', 'a=b='],
           ['a question mark', 'a?b', 'a?b'],
           ['UTF-8', '%C3%A9%e2%82%ac%f0%9f%98%80',
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"],
           ['UTF-8 that is not quoted', "\xc3\xa9", "\xc3\xa9"],
           ['the last ones', '%f4%8f%bf%bf%ef%bf%bf%ed%9f%bf',
            "\xf4\x8f\xbf\xbf\xef\xbf\xbf\xed\x9f\xbf"],
           (map { ["control character $_", "a%${_}b"] }
            qw(00 01 09 0a 0D 1b 1F 7f)),
           ['a line end', 'a%0d%0aSet-Cookie:%20x=y'],
           (map { ["no UTF-8: $_", $_] }
            qw(%ff %80 %c3 %c3x %e2%82 %e2%82x %c0%80 %c1%bf %e0%80%80
               %ed%a0%80 %f0%80%80%80 %f4%90%80%80 %f5%80%80%80 a%f0%9f%98)),
           (map { ["no quoting: $_", $_] }
            ('%', 'a%', '%a', '%zz', '%0', 'a%4', '%g0', '%%41'))));
    }

    ask('/queue/', map {
        my ($name, $field, $put) = @$_;
        my ($method, $path) = $put->("a&$field=b");
        ["$name, twice", refusal(400, "$field is there more than once",
                                 'duplicate_field', field => $field),
         $method, $path, undef]
    } @Echo);
};

subtest 'slack: texts' => sub {
    my $wrong = refusal(400, "challenge $Text", 'invalid_challenge',
                        field => 'challenge');

    ask('/queue/', map {
        my ($what, $sent, $answer) = @$_;
        my $body = qq({"type":"url_verification","challenge":"$sent"});
        [$what, defined $answer ? answered(text => $answer) : $wrong,
         'POST', '', $body, @Json, signed($body)]
    } (['one byte', 'x', 'x'],
       ['4096 bytes', 'x' x 4096, 'x' x 4096],
       ['4097 bytes', 'x' x 4097],
       ['8192 bytes', 'x' x 8192],
       ['8193 bytes', 'x' x 8193],
       ['a megabyte', 'x' x 1048576],
       ['4096 bytes that are escaped', '\\u0041' x 4096, 'A' x 4096],
       ['4097 bytes that are escaped', '\\u0041' x 4097],
       ['nothing', ''],
       ['HTML', '<script>alert(1)<\\/script>', '<script>alert(1)</script>'],
       ['escapes', '\\"\\\\\\u00e9\\ud83d\\ude00',
        "\"\\\xc3\xa9\xf0\x9f\x98\x80"],
       ['half a pair', '\\ud83d', "\xef\xbf\xbd"],
       (map { ["control character $_", "a\\u00$_"] } qw(00 09 0a 1f 7f))));

    ask('/queue/', map {
        my ($what, $body, @refusal) = @$_;
        [$what, refusal(@refusal), 'POST', '', $body, @Json, signed($body)]
    } (['no challenge', '{"type":"url_verification"}',
        400, 'challenge is required', 'missing_field', field => 'challenge'],
       (map { ["challenge is $_",
               qq({"type":"url_verification","challenge":$_}),
               400, 'challenge must be a string', 'invalid_field',
               field => 'challenge'] }
        qw(1 null true [] {} ["x"])),
       ['challenge twice', '{"type":"url_verification","challenge":"a",'
                           . '"challenge":"b"}',
        400, 'challenge is there more than once', 'duplicate_field',
        field => 'challenge'],
       ['challenge in two cases',
        '{"type":"url_verification","challenge":"a","Challenge":"b"}',
        400, 'challenge is there more than once', 'duplicate_field',
        field => 'challenge'],
       ['type twice', '{"type":"url_verification","challenge":"a",'
                      . '"type":"event_callback"}',
        400, 'type is there more than once', 'duplicate_field',
        field => 'type'],
       (map { ['not UTF-8: ' . unpack('H*', $_->[0]),
               qq({"type":"url_verification","challenge":"$_->[0]"}),
               400, 'the body is not valid JSON', 'invalid_json',
               offset => $_->[1]] }
        ["\xff", 40], ["\xc3", 41], ["\xed\xa0\x80", 41], ["a\0", 41],
        ["a\n", 41]),
       ['cut off', '{"type":"url_verification","challenge":"a"',
        400, 'the body is not valid JSON', 'invalid_json', offset => 42],
       ['more behind', '{"type":"url_verification","challenge":"a"} x',
        400, 'the body is not valid JSON', 'invalid_json', offset => 44]));
};

subtest 'tokens that are signed' => sub {
    my $twitter = refusal(400, "crc_token $Token", 'invalid_challenge',
                          field => 'crc_token');
    my $zoom = refusal(400, "payload.plainToken $Token", 'invalid_challenge',
                       field => 'payload.plainToken');
    my $event = sub {
        qq({"event":"endpoint.url_validation","payload":{"plainToken":"$_[0]"}})
    };

    for my $token ('x', 'x' x 4096, 'AZaz09-._~+/=') {
        my $body = $event->($token);
        my $name = substr $token, 0, 20;

        ask('/queue/',
            ["twitter $name", answered(json => twittered($token)), 'GET',
             '?crc_token=' . $token =~ s/\+/%2B/gr, undef],
            ["zoom $name", answered(json => zoomed($token)), 'POST', '', $body,
             @Json, signed($body)]);
    }

    # nobody can have an event signed
    ask('/queue/',
        (map { ['twitter ' . substr($_, 0, 40), $twitter, 'GET',
                "?crc_token=$_", undef] }
         '', 'x' x 4097, '%7B%22a%22%3A1%7D', '{"a":1}', 'v0:1:x', 'a+b', '%00',
         '%c3%a9', '%ff', 'a%2', '<b>', '%22', '\\'),
        (map {
            my $body = $event->($_);
            ['zoom ' . substr($_, 0, 40), $zoom, 'POST', '', $body, @Json,
             signed($body)]
        } '', 'x' x 4097, 'x' x 9000, '{\\"a\\":1}', 'v0:1:{}', 'a b',
          '\\u0000', "\xc3\xa9", '<b>', '\\"', '\\\\'));

    ask('/queue/', map {
        my ($what, $body, @refusal) = @$_;
        [$what, refusal(@refusal), 'POST', '', $body, @Json, signed($body)]
    } (['no payload', '{"event":"endpoint.url_validation"}',
        400, 'payload is required', 'missing_field', field => 'payload'],
       (map { ["payload is $_",
               qq({"event":"endpoint.url_validation","payload":$_}),
               400, 'payload must be an object', 'invalid_field',
               field => 'payload'] }
        '"x"', 'null', '[{"plainToken":"x"}]'),
       ['no token', '{"event":"endpoint.url_validation","payload":{}}',
        400, 'payload.plainToken is required', 'missing_field',
        field => 'payload.plainToken'],
       ['a number', '{"event":"endpoint.url_validation",'
                    . '"payload":{"plainToken":1}}',
        400, 'payload.plainToken must be a string', 'invalid_field',
        field => 'payload.plainToken'],
       ['in another place', '{"event":"endpoint.url_validation",'
                            . '"plainToken":"x","payload":{"a":'
                            . '{"plainToken":"x"}}}',
        400, 'payload.plainToken is required', 'missing_field',
        field => 'payload.plainToken']));

    ask('/queue/',
        ['twitter, twice', refusal(400, 'crc_token is there more than once',
                                   'duplicate_field', field => 'crc_token'),
         'GET', '?crc_token=a&crc_token=b', undef]);
};

subtest 'headers' => sub {
    for my $case (['okta', 'X-Okta-Verification-Challenge', 'GET', sub {
                      answered(json => qq({"verification":"$_[0]"}\n))
                  }],
                  ['cloudevents', 'WebHook-Request-Origin', 'OPTIONS', sub {
                      answered(text => '') . " | $allow"
                  }])
    {
        my ($name, $header, $method, $good) = @$case;
        my $wrong = refusal(400, "$header $Text", 'invalid_challenge',
                            field => $header);

        ask('/queue/', map {
            my ($what, $sent, $answer) = @$_;
            ["$name, $what", $answer // $wrong, $method, '', undef,
             $header => $sent]
        } (['4096 bytes', 'x' x 4096, $good->('x' x 4096)],
           ['4097 bytes', 'x' x 4097],
           ['nothing', ''],
           ['HTML', '<b>', $good->('<b>')],
           ['UTF-8', "\xc3\xa9", $good->("\xc3\xa9")],
           ['no UTF-8', "\xff"],
           ['a control character', "a\x01b"],
           ['a tab', "a\tb"],
           ['DEL', "a\x7fb"]));

        ask('/queue/',
            ["$name, twice", refusal(400, "$header is there more than once",
                                     'duplicate_field', field => $header),
             $method, '', undef, $header => ['a', 'b']],
            ["$name, not there", refusal('method_not_allowed') . " | $allow",
             $method, '', undef, 'X-Other' => 'a']);
    }
};


# --- what is no challenge ---------------------------------------------------

subtest 'events' => sub {
    my $n = waiting();
    my @events = (
        '', '{}', '[]', '1', 'null', '{', "\xff", '"url_verification"',
        '{"type":"event_callback","challenge":"x"}',
        '{"type":"URL_VERIFICATION","challenge":"x"}',
        '{"type":"url_verification ","challenge":"x"}',
        '{"a":{"type":"url_verification","challenge":"x"}}',
        '[{"type":"url_verification","challenge":"x"}]',
        '{"type":["url_verification"],"challenge":"x"}',
        '{"type":"1"}', '{"type":1.0}', '{"type":11}', '{"type":-1}',
        '{"type":2}', '{"type":true}', '{"type":1e0}',
        '{"event":"endpoint.url_validated","payload":{"plainToken":"x"}}',
        '{"type":"endpoint.url_validation","payload":{"plainToken":"x"}}',
        '{"event":"url_verification","challenge":"x"}',
        'ssl_check=1', '{"a":"' . 'x' x 300000 . '"}',
    );
    my $socket = dial($Port);

    for my $body (@events) {
        put($socket, request('POST', '/others/?x=validationToken', $body, @Json,
                             signed($body)));
        like(answer($socket), qr/^202 \{"id":"[-0-9a-f]{36}"\}\n\z/,
             'an event: ' . substr $body, 0, 60);
    }

    my @forms = ('ssl_check=0', 'ssl_check=11', 'ssl_check=1x', 'xssl_check=1',
                 'ssl_check', 'ssl_check=', 'a=ssl_check=1', 'ssl_check%3D1',
                 'SSL_CHECK=1', 'ssl_check=1=', '&ssl_chec=1&k=1&', $Slack);

    for my $body (@forms) {
        put($socket, request('POST', '/others/', $body, @Form, signed($body)));
        like(answer($socket), qr/^202 /, "a form that is an event: $body");
    }

    is(waiting(), $n + @events + @forms, 'all of these are in the queue');

    for my $type ('application/x-www-form-urlencoded',
                  'Application/X-WWW-Form-Urlencoded; charset=utf-8')
    {
        for my $body ('ssl_check=1', 'a=b&ssl_check=1', 'ssl_check=1&a=b',
                      '&&ssl_check=1&', 'ssl_check=0&ssl_check=1',
                      'a=' . 'x' x 100000 . '&ssl_check=1')
        {
            put($socket, request('POST', '/others/', $body,
                                 'Content-Type' => $type, signed($body)));
            is(told(answer($socket)), answered(text => ''),
               'a form that is a challenge: ' . substr $body, 0, 40);
        }
    }

    is(waiting(), $n + @events + @forms, 'and none of these');
};

subtest 'methods' => sub {
    my $not = refusal('method_not_allowed');

    ask('/none/', map { ["$_ where nothing is configured", "$not | POST", $_,
                         '', undef] } qw(GET OPTIONS PUT DELETE PATCH));
    ask('/none/', ['HEAD where nothing is configured',
                   "405  | $Type{problem} | POST", 'HEAD', '', undef]);
    ask('/none/',
        ['validationToken', "$not | POST", 'GET', '?validationToken=x', undef],
        ['challenge', "$not | POST", 'GET', '?challenge=x', undef],
        ['crc_token', "$not | POST", 'GET', '?crc_token=x', undef],
        ['okta', "$not | POST", 'GET', '', undef,
         'X-Okta-Verification-Challenge' => 'x'],
        ['cloudevents', "$not | POST", 'OPTIONS', '', undef,
         'WebHook-Request-Origin' => 'x']);

    ask('/queue/', map { [$_, "$not | $allow", $_, '?validationToken=x',
                          undef] } qw(PUT DELETE PATCH OPTIONS));
    ask('/first/', ['Allow', "$not | POST, GET", 'GET', '', undef],
                   ['HEAD of a challenge by GET',
                    "405  | $Type{problem} | POST, GET", 'HEAD',
                    '?challenge=x', undef]);
    ask('/down/own/', ['a list of its own', "$not | POST, HEAD", 'GET',
                       '?challenge=x', undef],
                      ['which is answered', answered(text => ''), 'HEAD', '',
                       undef]);
};

subtest 'a system whose path names the event' => sub {
    ask('/luzmo/',
        ['dropbox', answered(text => 'x'), 'GET', '?challenge=x', undef],
        ['at an event', answered(text => 'x'), 'GET',
         'data_updated?challenge=x', undef],
        ['discord', answered(json => qq({"type":1}\n)), 'POST', 'data_updated',
         '{"type":1}', @Json, @Secret],
        ['an event without a secret', '401 ' . luzmo('missing_secret')
         . ' | application/json', 'POST', 'data_updated', $LuzmoEvent::Body,
         @Json],
        ['what is neither', '400 ' . luzmo(400, 'slug is required',
                                           'missing_field', field => 'slug')
         . ' | application/json', 'POST', 'data_updated', '{"type":2}', @Json,
         @Secret],
        ['too long', '400 ' . luzmo(400, "challenge $Text",
                                    'invalid_challenge', field => 'challenge')
         . ' | application/json', 'GET', '?challenge=' . 'x' x 4097, undef],
        ['a method', '405 ' . luzmo('method_not_allowed')
         . " | application/json | $allow", 'PUT', 'data_updated', undef]);
};

subtest 'secrets by a variable' => sub {
    my $no = refusal(403, 'there is no secret to answer the challenge with',
                     'challenge_refused');
    my $unverified = refusal(403, 'hub.verify_token is not the verify token of '
                                  . 'this URL', 'challenge_refused',
                             field => 'hub.verify_token');
    my $meta = '&hub.mode=subscribe&hub.challenge=7&hub.verify_token=';

    ask('/tenant/',
        ['twitter', answered(json => twittered('x', 'hush-acme')), 'GET',
         '?crc_token=x&tenant=acme', undef],
        ['twitter, nobody', $no, 'GET', '?crc_token=x&tenant=other', undef],
        ['zoom', answered(json => zoomed('qgg8vlvZRS6UYooatFL8Aw',
                                         'hush-acme')),
         'POST', '?tenant=acme', $Zoom, @Json, signed($Zoom)],
        ['zoom, nobody', $no, 'POST', '', $Zoom, @Json, signed($Zoom)],
        ['meta', answered(text => '7'), 'GET', "?tenant=acme${meta}hush-acme",
         undef],
        ['meta, nobody', $unverified, 'GET', "?tenant=x$meta", undef],
        ['meta, wrong', $unverified, 'GET', "?tenant=acme${meta}hush",
         undef]);

    # What anybody can have signed is a token, which must be no event.
    for my $token ('true', '256', 'type=paid', 'abc') {
        put(my $socket = dial($Port),
            request('POST', '/tenant/', $token, @Json, signed($token)));
        my $answer = answer($socket);

        like($answer, qr/^400 /, "$token: refused");
        like($answer, qr/"reason":"invalid_(?:field|json)"/, 'as no object');
    }

    put(my $socket = dial($Port),
        request('POST', '/tenant/', '{"a":1}', @Json, signed('{"a":1}')));
    like(answer($socket), qr/^502 /, 'an object is passed on');
};

subtest 'access' => sub {
    my $denied = '403 ' . Answers::page('403 Forbidden') . ' | text/html';

    ask('/any/',
        ['a verify token is a credential', answered(text => '7'), 'GET',
         '?hub.mode=subscribe&hub.challenge=7&hub.verify_token=hush-one',
         undef],
        ['what has none is not', $denied, 'GET', '?validationToken=x', undef]);

    ask('/denied/', ['deny', $denied, 'GET', '?validationToken=x', undef],
                    ['deny', $denied, 'GET', '?hub.mode=subscribe'
                     . '&hub.challenge=7&hub.verify_token=hush-one', undef]);
};

subtest 'application first' => sub {
    my $n = waiting();
    my $event = '{"type":"event_callback"}';
    my $socket = dial($Port);

    put($socket, request('POST', '/first/', $event, @Json, signed($event)));
    like(answer($socket), qr/^202 /, 'an event is queued');
    is(waiting(), $n + 1, 'it is there');

    put($socket, request('POST', '/first/', $Slack, @Json, signed($Slack)));
    is(told(answer($socket)), answered(text => '3eZbrw1aB'),
       'a challenge of the second location');
    is(waiting(), $n + 1, 'it is not there');
};


# --- how it comes -----------------------------------------------------------

subtest 'bodies' => sub {
    my $large = qq({"a":"@{['x' x 3000000]}",) . substr $Slack, 1;

    for my $uri (qw(/queue/ /file/)) {
        my $socket = dial($Port);

        for my $body ($Slack, $Zoom, $large) {
            my $good = $body eq $Zoom
                ? answered(json => zoomed('qgg8vlvZRS6UYooatFL8Aw'))
                : answered(text => '3eZbrw1aB');

            for my $size (1, 7, 8000) {
                next if $size < 8000 && length $body > 1000;

                put($socket,
                    request('POST', $uri, undef, @Json, signed($body),
                            'Transfer-Encoding' => 'chunked'),
                    chunks($body =~ /.{1,$size}/gs));
                is(told(answer($socket)), $good, "$uri: chunks of $size");
            }

            put($socket, request('POST', $uri, $body, @Json, signed($body)));
            is(told(answer($socket)), $good, "$uri: with its length");
        }

        # bodies that nobody reads are not taken for requests
        for my $method (qw(GET HEAD)) {
            my $path = $method eq 'GET' ? '?challenge=x' : '';

            put($socket, request($method, $uri . $path, $Slack x 1000));
            is(told(answer($socket, $method eq 'HEAD')),
               answered(text => $method eq 'GET' ? 'x' : ''),
               "$uri: $method with a body");
        }

        put($socket, request('POST', "$uri?validationToken=y", $Slack x 1000,
                             @Json));
        is(told(answer($socket)), answered(text => 'y'),
           "$uri: POST with a body that is not read");

        put($socket, request('POST', "$uri?validationToken=%00", $Slack,
                             @Json));
        is(told(answer($socket)),
           refusal(400, "validationToken $Text", 'invalid_challenge',
                   field => 'validationToken'),
           "$uri: and one that is refused");
    }
};

subtest 'several requests at once' => sub {
    my $socket = dial($Port);

    put($socket, (map { request('GET', "/queue/?challenge=$_", undef) } 1 .. 9),
        request('POST', '/queue/', $Slack, @Json, signed($Slack)),
        request('GET', '/queue/?challenge=10', undef));
    is(told(answer($socket)), answered(text => $_), "number $_") for 1 .. 9;
    is(told(answer($socket)), answered(text => '3eZbrw1aB'), 'a POST');
    is(told(answer($socket)), answered(text => 10), 'the last one');
};

subtest 'HTTP/2' => sub {
    my $socket = dial2($Port2);
    my $stream = 1;

    for (@Good) {
        my ($name, $answer, $method, $path, $body, @header) = @$_;
        my ($expected) = $answer =~ /^(200 .*?) \| /s;

        put($socket, headers($stream, $method, "/queue/$path",
                             !defined $body, @header));

        if (defined $body) {
            put($socket, data($stream, substr $body, 0, 5),
                data($stream, length $body > 5 ? substr($body, 5) : '', 1));
        }

        is(answer2($socket, $stream), $expected, $name);
        $stream += 2;
    }

    put($socket, headers($stream, 'POST', '/queue/', 0, @Json),
        data($stream, $Slack, 1));
    is(answer2($socket, $stream), '401 ' . problem('missing_signature'),
       'not signed');
    $stream += 2;

    put($socket, headers($stream, 'GET', '/queue/?challenge=' . 'x' x 4097, 1));
    is(answer2($socket, $stream),
       '400 ' . problem(400, "challenge $Text", 'invalid_challenge',
                        field => 'challenge'), 'too long');
};


# --- what is counted --------------------------------------------------------

subtest 'status' => sub {
    my $client = NginxProcess::Client->new;
    my $counted = sub {
        my ($provider) = @_;
        my $status = JSON::PP::decode_json(
                         $client->request(GET => '/status')->{body});
        my ($told) = grep { $_->{provider} eq $provider }
                          @{$status->{providers}};
        my ($accepted, $refused) = (0, 0);

        for my $event (@{$told->{events}}) {
            $accepted += $event->{accepted};
            $refused += $_ for values %{$event->{refused}};
        }

        return "$told->{challenges} $accepted $refused";
    };
    my %before = map { $_ => $counted->($_) } 'signed', 'luzmo';

    ask('/queue/', map { ["$_->[0], to be counted", @$_[1 .. $#$_]] } @Good);
    ask('/luzmo/', ['luzmo, to be counted', answered(text => 'x'), 'GET',
                    'data_updated?challenge=x', undef]);
    ask('/queue/', ['too long, to be counted',
                    refusal(400, "challenge $Text", 'invalid_challenge',
                            field => 'challenge'),
                    'GET', '?challenge=', undef]);

    my ($challenges, $accepted, $refused) = split / /, $before{signed};
    my $expected = join ' ', $challenges + @Good, $accepted, $refused + 1;

    # a request is counted after its answer
    NginxProcess::wait_until(sub { $counted->('signed') eq $expected }, 5);
    is($counted->('signed'), $expected, 'each challenge, and the refusal');

    ($challenges, $accepted, $refused) = split / /, $before{luzmo};
    is($counted->('luzmo'), join(' ', $challenges + 1, $accepted, $refused),
       'a challenge of another system');

    my $text = $client->request(GET => '/status?format=prometheus')->{body};

    like($text, qr/^nginx_webhook_challenges_total\{provider="luzmo"\} \d+$/m,
         'for Prometheus');
    unlike($text, qr/reason="challenge"/, 'it is no refusal');
    unlike($client->request(GET => '/status')->{body}, qr/"reason":"challenge"/,
           'nor one of the last ones');
};

subtest '$webhook_reason' => sub {
    my $log = NginxProcess::read_file("$Root/logs/judged.log");

    like($log, qr{^GET /queue/ 200 signed \[\]$}m,
         'of a challenge it is empty');
    like($log, qr{^GET /queue/ 400 signed \[invalid_challenge\]$}m,
         'of a refused one it is not');
    like($log, qr{^GET /queue/ 403 signed \[challenge_refused\]$}m,
         'nor of one with a wrong token');
};


# --- afterwards -------------------------------------------------------------

unlike($nginx->log =~ s/, request: .*//gr, qr/hush|3eZbrw1aB/,
       'no secret and no text is in the log, but in the line of a request');
like($nginx->log, qr/\[info\] .*webhook signed challenge/,
     'that it was one is');

$nginx->finish;
done_testing();
