use strict;
use warnings;

use lib 't/lib';
use Answers ();
use NginxProcess;

# The API of webhook_endpoints: a workspace's URL is registered, seen, changed,
# deleted and tested.  Each answer is compared as a whole, with times as "T" and
# secrets that are made as "S".  The same in a zone without a state and in one
# with it, which is also read by another nginx.

use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

my $Nginx = NginxProcess->new(name => 'endpoints');

my $Secret = 'whsec_' . encode_base64('k' x 24, '');
my $Other = 'whsec_' . encode_base64('o' x 64, '');

sub configure {
    my %with = (more => '', @_);
    $with{http} //= '';

    $Nginx->configure(workers => 2, http => <<"END");
log_not_found off;
webhook_zone zone=m:1m;
webhook_zone zone=s:1m state=$NginxProcess::Root/endpoints.db;
webhook_zone zone=f:64k;
webhook_queue_path $NginxProcess::Root/out.db queue=out;
$with{http}

server {
    listen 127.0.0.1:${\ NginxProcess::port(0)};
    webhook_secret hush;

    location /m/ { webhook_endpoints zone=m ports=1-65535; }
    location /s/ { webhook_endpoints zone=s ports=1-65535; }
    location /f/ { webhook_endpoints zone=f; webhook_secret off; }

    location /p/ { webhook_endpoints zone=m http ports=8443,9000-9002,81; }

    location /http/ {
        webhook_endpoints zone=m ports=1-65535 http overlap=0;
        webhook_endpoint_allow 10.0.0.0/8 fd00::/8;
    }

    location /munity {
        webhook munity;
        webhook_queue out endpoints=s;
    }

    location /send {
        webhook_deliver out;
        resolver 127.0.0.1;
        proxy_pass \$webhook_endpoint_url;
    }

    $with{more}
}
END
}

configure();
$Nginx->start;

my $Client = NginxProcess::Client->new;

# "<status> <body>"; the headers are in %Headers
my (%Headers, $Made);

sub ask {
    my ($method, $uri, $body, %headers) = @_;

    $headers{'X-Secret'} //= 'hush' if !exists $headers{'X-Secret'};
    delete $headers{'X-Secret'} if !defined $headers{'X-Secret'};
    $headers{'Content-Type'} //= 'application/json' if defined $body;

    my $answer = $Client->request($method, $uri, $body, %headers)
        or return 'no answer';
    %Headers = %{$answer->{headers}};

    my $text = $answer->{body};
    ($Made) = $text =~ /"secret":"([^"]*)"/;

    $text =~ s/("(?:created|updated|failing_since|previous_secret_until)"):\d+/$1:T/g;
    $text =~ s/"secret":"whsec_[A-Za-z0-9+\/]{43}="/"secret":"S"/;
    $text =~ s/"id":"[0-9a-f-]{36}"/"id":"U"/;

    return "$answer->{status} $text";
}

# what is answered for an endpoint
sub endpoint {
    my ($workspace, $url, %with) = @_;
    my $events = defined $with{events}
                 ? '[' . join(',', map { "\"$_\"" } @{$with{events}}) . ']'
                 : 'null';
    my $reason = defined $with{reason} ? "\"$with{reason}\"" : 'null';

    return "{\"workspace_id\":\"$workspace\",\"url\":\"$url\","
           . "\"events\":$events,\"enabled\":"
           . (defined $with{reason} ? 'false' : 'true')
           . ",\"disabled_reason\":$reason,\"failing_since\":null,"
           . '"created":T,"updated":T,"previous_secret_until":'
           . ($with{until} ? 'T' : 'null')
           . (defined $with{secret} ? ",\"secret\":\"$with{secret}\"" : '')
           . "}\n";
}

# of a field, if there is one
sub problem {
    my ($status, $message, $reason, $field) = @_;

    return Answers::refused(problem => @_) if !defined $field;

    return Answers::refused(problem => $status, "$field $message", $reason,
                            field => $field);
}

my $NotFound = problem(404, 'there is no such webhook', 'not_found');
my $Invalid = problem(400, 'must be an https URL without user name, fragment '
                      . 'or odd notation of its host', 'invalid_url', 'url');
my $Forbidden = problem(400, 'has a host that is not a public one',
                        'forbidden_address', 'url');

my $URL = 'https://8.8.8.8/hook';
my $Body = "{\"url\":\"$URL\"}";

for my $zone ('m', 's') {
    my $path = "/$zone/workspaces/w1/webhook";

    is(ask(GET => $path), $NotFound, "$zone: there is none");
    is(ask(DELETE => $path), $NotFound, "$zone: none to delete");
    is(ask(POST => "$path/test"), $NotFound, "$zone: none to test");

    is(ask(PUT => $path, $Body), '201 ' . endpoint('w1', $URL, secret => 'S'),
       "$zone: created");
    is($Headers{'content-type'}, 'application/json', "$zone: media type");
    my $made = $Made;
    is(length decode_base64(substr $made, 6), 32, "$zone: 32 bytes");

    is(ask(@$_), problem(400, 'is no parameter of this request, or has no '
                         . 'value', 'unknown_parameter', 'x'),
       "$zone: a parameter")
        for [GET => "$path?x=1"], [DELETE => "$path?x"],
            [PUT => "$path?x=1", $Body], [POST => "$path/test?x=1"];

    is(ask(GET => $path), '200 ' . endpoint('w1', $URL), "$zone: seen");
    is(ask(HEAD => $path), '200 ', "$zone: HEAD");
    cmp_ok($Headers{'content-length'}, '>', 100, "$zone: its length");

    is(ask(PUT => $path, $Body), '200 ' . endpoint('w1', $URL),
       "$zone: again, the same");

    is(ask(PUT => $path, '{"url":"https://8.8.4.4:8443?a=b","events":'
           . '["integration_installed","webhook_test","integration_installed"'
           . ']}'),
       '200 ' . endpoint('w1', 'https://8.8.4.4:8443/?a=b',
                         events => ['webhook_test', 'integration_installed']),
       "$zone: replaced");
    is(ask(GET => $path),
       '200 ' . endpoint('w1', 'https://8.8.4.4:8443/?a=b',
                         events => ['webhook_test', 'integration_installed']),
       "$zone: what it was replaced by");

    is(ask(PUT => $path, "{\"url\":\"$URL\",\"secret\":\"$made\"}"),
       '200 ' . endpoint('w1', $URL, secret => 'S'), "$zone: its own secret");
    is($Made, $made, "$zone: that one");

    is(ask(PUT => $path, "{\"url\":\"$URL\",\"secret\":\"$Secret\"}"),
       '200 ' . endpoint('w1', $URL, secret => $Secret, until => 1),
       "$zone: another secret");
    is(ask(PUT => $path, "{\"url\":\"$URL\",\"secret\":null,\"events\":null}"),
       '200 ' . endpoint('w1', $URL, until => 1), "$zone: the overlap stays");

    is(ask(PUT => $path, "{\"url\":\"$URL\",\"enabled\":false}"),
       '200 ' . endpoint('w1', $URL, until => 1, reason => 'requested'),
       "$zone: switched off");

    is(ask(POST => "$path/test"),
       problem(409, 'the webhook is switched off',
               'endpoint_disabled'), "$zone: no test of what is off");

    is(ask(PUT => $path, "{\"url\":\"$URL\",\"enabled\":true}"),
       '200 ' . endpoint('w1', $URL, until => 1), "$zone: switched on");

    is(ask(PUT => "/$zone/workspaces/w2/webhook", $Body),
       '201 ' . endpoint('w2', $URL, secret => 'S'), "$zone: another one");
    is(ask(DELETE => $path), '204 ', "$zone: deleted");
    is(ask(DELETE => $path), $NotFound, "$zone: deleted twice");
    is(ask(GET => $path), $NotFound, "$zone: gone");
    is(ask(GET => "/$zone/workspaces/w2/webhook"),
       '200 ' . endpoint('w2', $URL), "$zone: the other one is there");

    is(ask(PUT => $path, "{\"url\":\"$URL\",\"secret\":\"$Other\"}"),
       '201 ' . endpoint('w1', $URL, secret => $Other),
       "$zone: created anew, with a secret");
}

# --- tests

is(ask(POST => '/m/workspaces/w1/webhook/test'),
   problem(503, 'no queue has endpoints of this zone', 'no_queue'),
   'no queue is there for the zone');
is($Headers{'retry-after'}, 10, 'later');

# --- an overlap of 0

{
    my $path = '/http/workspaces/w3/webhook';
    ask(PUT => $path, $Body);
    is(ask(PUT => $path, "{\"url\":\"$URL\",\"secret\":\"$Secret\"}"),
       '200 ' . endpoint('w3', $URL, secret => $Secret),
       'the old secret ends at once');
}

# --- workspace ids

for my $id (['a%20b', 'a b'], ['%C3%A9', "\xc3\xa9"], ['%22%5C', '\"\\\\'],
            ['a.b', 'a.b'], ['...', '...'], ['x' x 256, 'x' x 256],
            ['webhook', 'webhook'], ['workspaces', 'workspaces'],
            ['%2525', '%25'])
{
    my ($sent, $json) = @$id;
    is(ask(PUT => "/m/workspaces/$sent/webhook", $Body),
       '201 ' . endpoint($json, $URL, secret => 'S'), "workspace $sent");
    is(ask(GET => "/m/a/workspaces/$sent/webhook"),
       '200 ' . endpoint($json, $URL), "workspace $sent, seen");
}

for my $path ('/m/', '/m/workspaces', '/m/workspaces/webhook',
              '/m/workspaces//webhook', '/m/workspaces/a%0Ab/webhook',
              '/m/workspaces/%7F/webhook', '/m/workspaces/%FF/webhook',
              '/m/workspaces/%C3/webhook', '/m/workspaces/%C2%80/webhook',
              '/m/workspaces/%ED%A0%80/webhook', '/m/workspaces/%C3%C3/webhook',
              '/m/workspaces/%E2%82%EC/webhook', '/m/workspaces/a%2Fb/webhook',
              '/m/workspaces/' . 'x' x 257 . '/webhook',
              '/m/workspaces/a/webhook/', '/m/workspaces/a/webhook/tests',
              '/m/Workspaces/a/webhook', '/m/workspaces/a/webhooks',
              '/m/workspace/a/webhook/test')
{
    is(ask(PUT => $path, $Body), $NotFound, "no such path: $path");
}

# an id that an application has encoded can't choose another workspace

ask(PUT => '/m/workspaces/victim/webhook', $Body);

for my $id ('evil%2Fworkspaces%2Fvictim', '..%2Fworkspaces%2fvictim',
            '%2E%2e/workspaces/victim', 'x/%2e/workspaces/victim',
            'a%2F%2E%2E/workspaces/victim')
{
    for my $to ('', '/test') {
        my $path = "/m/workspaces/$id/webhook$to";

        is(ask(PUT => $path, '{"url":"https://8.8.4.4/"}'), $NotFound,
           "PUT $path");
        is(ask(DELETE => $path), $NotFound, "DELETE $path");
        is(ask(POST => $path), $NotFound, "POST $path");
    }
}

is(ask(GET => '/m/workspaces/victim/webhook'), '200 ' . endpoint('victim', $URL),
   'the other workspace is as it was');

# --- the gate

{
    my $path = '/m/workspaces/w1/webhook';

    is(ask(POST => $path, '{}'),
       problem('method_not_allowed'), 'POST');
    is($Headers{allow}, 'GET, HEAD, PUT, DELETE', 'what may be');
    is(ask(GET => "$path/test"),
       problem('method_not_allowed'), 'GET of a test');
    is($Headers{allow}, 'POST', 'what a test may be');

    for my $method ('GET', 'PUT', 'DELETE', 'POST') {
        my $uri = $path . ($method eq 'POST' ? '/test' : '');
        is(ask($method => $uri, undef, 'X-Secret' => 'wrong'),
           problem('invalid_secret'), "$method: a wrong secret");
        is($Headers{'www-authenticate'}, 'X-Secret', "$method: the scheme");
        is(ask($method => $uri, undef, 'X-Secret' => undef),
           problem('missing_secret'), "$method: no secret");
    }

    is(ask(PUT => $path, $Body, 'Content-Type' => 'text/plain'),
       problem('unsupported_media_type'), 'another media type');

    my @bad = (
        ['', 'the body is empty', 'empty_body'],
        ['[]', 'the body must be a JSON object', 'invalid_field'],
        ['{}', 'is required', 'missing_field', 'url'],
        ['{"url":null}', 'must be a string', 'invalid_field', 'url'],
        ['{"url":1}', 'must be a string', 'invalid_field', 'url'],
        ["{\"url\":\"$URL\",\"url\":\"$URL\"}", 'is there more than once',
         'duplicate_field', 'url'],
        ["{\"url\":\"$URL\",\"events\":{}}", 'must be an array',
         'invalid_field', 'events'],
        ["{\"url\":\"$URL\",\"enabled\":null}", 'must be true or false',
         'invalid_field', 'enabled'],
        ["{\"url\":\"$URL\",\"enabled\":0}", 'must be true or false',
         'invalid_field', 'enabled'],
        ["{\"url\":\"$URL\",\"secret\":[]}", 'must be a string',
         'invalid_field', 'secret'],
        (map { ["{\"url\":\"$URL\",\"events\":$_}",
                'must be names of known events', 'invalid_field', 'events'] }
             '[]', '[1]', '[null]', '["x"]', '["webhook_test","x"]',
             '[["webhook_test"]]', '["webhook_test\u0000"]',
             '[' . '[' x 400 . ']' x 400 . ']'),
        (map { ["{\"url\":\"$URL\",\"secret\":\"$_\"}",
                'must be whsec_ and base64 of 24 to 64 bytes', 'invalid_field',
                'secret'] }
             '', 'whsec_', substr($Secret, 6), "w$Secret", "$Secret=",
             'whsec_' . encode_base64('k' x 23, ''),
             'whsec_' . encode_base64('k' x 65, ''),
             'whsec_' . '=' x 40, 'WHSEC_' . substr($Secret, 6),
             "$Secret " , 'whsec_' . 'A' x 9000),
    );

    for my $bad (@bad) {
        my ($body, @problem) = @$bad;
        is(ask(PUT => $path, $body), problem(400, @problem),
           'refused: ' . substr $body, 0, 70);
    }

    is(ask(PUT => $path, '{"url"'),
       Answers::refused(problem => 'invalid_json', offset => 6), 'no JSON');

    is(ask(GET => $path), '200 ' . endpoint('w1', $URL),
       'nothing of it has changed anything');
}

# --- URLs

for my $url ('', 'https://', 'https:///', 'https:/8.8.8.8/', '8.8.8.8',
             '//8.8.8.8/', 'ftp://8.8.8.8/', 'http://8.8.8.8/',
             'https://u@8.8.8.8/', 'https://u:p@8.8.8.8/', 'https://@8.8.8.8/',
             'https://8.8.8.8/#f', 'https://8.8.8.8#', 'https://8.8.8.8/ a',
             'https://8.8.8.8/\t', 'https://8.8.8.8\\\\@x/', ' https://8.8.8.8/',
             'https://8.8.8.8/\u0000', 'https://8.8.8.8/\u00e9',
             'https://8.8.8.8:0/', 'https://8.8.8.8:65536/',
             'https://8.8.8.8:/', 'https://8.8.8.8:-1/', 'https://8.8.8.8:80a/',
             'https://8.8.8.8:080/', 'https://8.8.8.8:80:80/',
             'https://8.8.8.8.:443/', 'https://8.8.8.8./', 'https://x./',
             'https://.x/', 'https://x..y/', 'https://-x.y/', 'https://x-.y/',
             'https://x-/', 'https://x_y.z/', 'https://x%2ey/', 'https://*.y/',
             'https://m\u00fcnchen.de/', 'https://[2606:4700::1/',
             'https://[2606:4700::1]x/', 'https://[2606:4700::1]:/',
             'https://[fe80::1%25eth0]/', 'https://[fe80::1%eth0]/',
             'https://[8.8.8.8]/', 'https://[]/', 'https://[::ffff:8.8.8]/',
             'https://[12345::]/', 'https://[1::2::3]/', 'https://2606:4700::1/',
             # what nginx alone takes for an address, or for a socket
             'https://[:2606:4700::1]/', 'https://[2606:4700::1:]/',
             'https://[2606:4700::8.8.8.08]/', 'https://unix:80/',
             'https://unix/',
             # what some read as 127.0.0.1, or as another address
             'https://127.1/', 'https://2130706433/', 'https://0x7f000001/',
             'https://0x7f.0.0.1/', 'https://0177.0.0.1/', 'https://127.0.1/',
             'https://017700000001/', 'https://127.0.0.0x1/', 'https://1.2.3.4.5/',
             'https://256.1.1.1/', 'https://8.8.8.08/', 'https://0/',
             'https://a.1/', 'https://a.0x7f/', 'https://' . 'a' x 64 . '.de/',
             'https://' . 'a.' x 127 . 'de/', 'https://8.8.8.8/' . 'a' x 2040,
             # with the path that it is kept with
             'https://8.8.8.8?' . 'a' x 2032)
{
    is(ask(PUT => '/m/workspaces/u/webhook', "{\"url\":\"$url\"}"), $Invalid,
       'no such URL: ' . substr $url, 0, 60);
}

my @Special = ('0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255',
               '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254',
               '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8',
               '192.0.2.1', '192.88.99.1', '192.168.0.1', '198.18.0.1',
               '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1',
               '239.1.1.1', '240.0.0.1', '255.255.255.255',
               '[::]', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:8.8.8.8]',
               '[::7f00:1]', '[64:ff9b::a00:1]', '[64:ff9b::808:808]',
               '[64:ff9b:1::1]', '[100::1]', '[2001::1]', '[2001:1::1]',
               '[2001:0:53aa:64c:0:7fff:f5ff:fffe]', '[2001:10::1]',
               '[2001:20::1]', '[2001:db8::1]', '[2002:7f00:1::1]',
               '[2002:808:808::1]', '[3fff::1]', '[3fff:fff::1]', '[4000::1]',
               '[5f00::1]', '[fc00::1]', '[fd00::1]', '[fe80::1]', '[fec0::1]',
               '[ff02::1]', '[FE80::1]', '[0:0:0:0:0:0:0:1]',
               'localhost', 'LOCALHOST', 'a.localhost', 'printer.local',
               'metadata.google.internal', 'internal', 'localhost.localdomain',
               'nas.home.arpa');

for my $host (@Special) {
    is(ask(PUT => '/m/workspaces/u/webhook', "{\"url\":\"https://$host/\"}"),
       $Forbidden, "not a public host: $host");
}

for my $url ('https://1.1.1.1/', 'https://9.255.255.255/', 'https://11.0.0.0/',
             'https://100.63.255.255/', 'https://100.128.0.0/',
             'https://172.15.255.255/', 'https://172.32.0.0/',
             'https://223.255.255.255/', 'https://198.17.255.255/',
             'https://198.20.0.0/', 'https://[2606:4700::1111]/',
             'https://[2001:200::1]/', 'https://[2a00::1]:8443/x',
             'https://[3ffe:ffff::1]/', 'https://example.com/',
             'https://xn--mnchen-3ya.de/', 'https://a-b.c3.example:1/',
             'https://localhost.example/', 'https://notlocal/',
             'https://0x.example/', 'https://1.example/',
             "https://8.8.8.8/a%20b/?x=[1]&y='\@:!\$&()*+,;=~",
             'https://[2606:4700::8.8.8.8]/', 'https://unix.example/',
             'https://8.8.8.8/' . 'a' x 2032)
{
    like(ask(PUT => '/m/workspaces/u/webhook', "{\"url\":\"$url\"}"),
         qr/^20[01] \{"workspace_id":"u","url":"\Q$url\E",/,
         'taken: ' . substr $url, 0, 60);
}

like(ask(PUT => '/m/workspaces/u/webhook',
         '{"url":"HTTPS://EXAMPLE.Com:443/A?B"}'),
     qr/"url":"https:\/\/example\.com:443\/A\?B"/,
     'scheme and host are in lower case');

# --- http and webhook_endpoint_allow

like(ask(PUT => '/http/workspaces/u/webhook', '{"url":"http://8.8.8.8"}'),
     qr/^200 .*"url":"http:\/\/8\.8\.8\.8\/"/, 'http');

for my $host ('10.1.2.3', '[fd00::1]', '[::ffff:10.0.0.1]') {
    like(ask(PUT => '/http/workspaces/u/webhook',
             "{\"url\":\"https://$host/\"}"), qr/^200 /, "allowed: $host");
}

for my $host ('11.0.0.1') {
    like(ask(PUT => '/http/workspaces/u/webhook',
             "{\"url\":\"https://$host/\"}"), qr/^200 /, "public: $host");
}

for my $host ('127.0.0.1', '172.16.0.1', '[fc00::1]', '[::1]', 'localhost',
              'a.internal')
{
    is(ask(PUT => '/http/workspaces/u/webhook', "{\"url\":\"https://$host/\"}"),
       $Forbidden, "not allowed: $host");
}

# --- ports

my $Port = problem(400, 'has a port that is not allowed', 'forbidden_port',
                   'url');

for (['f', 'https://8.8.8.8:443/' => 1], ['f', 'https://8.8.8.8:80/'],
     ['f', 'https://8.8.8.8:8443/'], ['f', 'https://8.8.8.8:22/'],
     ['p', 'http://8.8.8.8/' => 1], ['p', 'http://8.8.8.8:80/' => 1],
     ['p', 'http://8.8.8.8:443/'], ['p', 'https://8.8.8.8:80/'],
     ['p', 'https://8.8.8.8:8443/' => 1], ['p', 'https://8.8.8.8:8442/'],
     ['p', 'http://8.8.8.8:9000/' => 1], ['p', 'https://8.8.8.8:9002/' => 1],
     ['p', 'https://8.8.8.8:8999/'], ['p', 'https://8.8.8.8:9003/'],
     ['p', 'http://8.8.8.8:81/' => 1], ['p', 'http://[2606:4700::1]:82/'])
{
    my ($location, $url, $good) = @$_;
    my $answer = ask(PUT => "/$location/workspaces/p/webhook",
                     "{\"url\":\"$url\"}");

    $good ? like($answer, qr/^20[01] /, "$location: $url")
          : is($answer, $Port, "$location: $url");
}

ask(DELETE => "/$_/workspaces/p/webhook") for 'f', 'p';


# --- a full zone

{
    my ($n, $answer) = (0);

    for ($n = 0; $n < 10000; $n++) {
        $answer = ask(PUT => "/f/workspaces/$n/webhook", $Body);
        last if $answer !~ /^201 /;
    }

    is($answer, problem(503, 'there is no room for another one', 'zone_full'),
       'a zone is full');
    cmp_ok($n, '>', 50, "after $n");
    is(ask(DELETE => '/f/workspaces/7/webhook'), '204 ', 'one is deleted');
    is(ask(PUT => '/f/workspaces/8/webhook', $Body),
       '200 ' . endpoint(8, $URL), 'one is replaced in its place');
}

# --- all at once: one is created, the others replace it, and keep its secret

for my $zone ('m', 's') {
    my @answers = NginxProcess::all(sub {
        my ($client, $n) = @_;
        $client->request(PUT => "/$zone/workspaces/many/webhook",
                         "{\"url\":\"https://8.8.8.8/$n\"}",
                         'X-Secret' => 'hush',
                         'Content-Type' => 'application/json');
    }, 1 .. 32);

    my @created = grep { $_->{status} == 201 } @answers;

    is(scalar(@created), 1, "$zone: one is created");
    is(scalar(grep { $_->{status} == 200 } @answers), 31,
       "$zone: the others replace it");
    is(scalar(grep { $_->{body} =~ /"secret":/ } @answers), 1,
       "$zone: one secret is shown");

    my ($secret) = $created[0]{body} =~ /"secret":"([^"]+)"/;
    like(ask(PUT => "/$zone/workspaces/many/webhook",
             "{\"url\":\"$URL\",\"secret\":\"$secret\"}"),
         qr/"previous_secret_until":null/, "$zone: which is the one it has");
}

# and of those who delete it, one does

for my $zone ('m', 's') {
    ask(PUT => "/$zone/workspaces/once/webhook", $Body);

    my @answers = NginxProcess::all(sub {
        my ($client) = @_;
        $client->request(DELETE => "/$zone/workspaces/once/webhook", undef,
                         'X-Secret' => 'hush');
    }, 1 .. 16);

    is(join(' ', sort map { "$_->{status} $_->{body}" } @answers),
       join(' ', '204 ', ($NotFound) x 15), "$zone: deleted once");
}

# a body that nobody asked for is read away, if it is one

$Nginx->expect(qr/client sent invalid chunked body/);

for my $request ("DELETE /m/workspaces/w1/webhook", "POST /s/workspaces/w1/"
                 . 'webhook/test')
{
    my $socket = NginxProcess::Client->new->connect;
    print $socket "$request HTTP/1.1\r\nHost: x\r\nX-Secret: hush\r\n"
                  . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                  . "zz\r\n";
    my $answer = join '', <$socket>;
    like($answer, qr/^HTTP\/1\.1 400 /, "$request: no chunk");
}

is(ask(GET => '/m/workspaces/w1/webhook'), '200 ' . endpoint('w1', $URL),
   'which deletes nothing');

# --- what survives

my $kept = ask(GET => '/s/workspaces/w1/webhook');

$Nginx->reload;
$Client->close;
is(ask(GET => '/s/workspaces/w1/webhook'), $kept, 'after a reload');
is(ask(GET => '/m/workspaces/w1/webhook'), '200 ' . endpoint('w1', $URL),
   'without a state, too');

# a resized zone is filled from the state
ask(PUT => '/s/workspaces/w2/webhook',
    '{"url":"https://8.8.8.8/resized"}');
ask(DELETE => '/s/workspaces/many/webhook');
configure();
{
    my $file = "$NginxProcess::Root/conf/nginx.conf";
    my $text = NginxProcess::read_file($file);
    $text =~ s/zone=s:1m/zone=s:2m/;
    NginxProcess::write_file($file, $text);
}
$Nginx->reload;
$Client->close;
is(ask(GET => '/s/workspaces/w1/webhook'), $kept, 'in a larger zone');
is(ask(GET => '/s/workspaces/w2/webhook'),
   '200 ' . endpoint('w2', 'https://8.8.8.8/resized'), 'as it was replaced');
is(ask(GET => '/s/workspaces/many/webhook'), $NotFound, 'or deleted');

$Nginx->stop;
$Nginx->start;
$Client->close;
is(ask(GET => '/s/workspaces/w1/webhook'), $kept, 'after a restart');
is(ask(GET => '/m/workspaces/w1/webhook'), $NotFound,
   'without a state nothing is');

my $log = $Nginx->log;
unlike($log, qr/hush|whsec_|\Q$Secret\E/, 'no secret is in the log');
like($log, qr/webhook endpoints refused: forbidden_address "url"/,
     'the reason is');

# --- configuration

sub refused {
    my ($name, $more, $message, $http) = @_;

    configure(more => $more, http => $http);
    my ($status, $output) = $Nginx->run('-t');
    like($output, qr/^nginx: \[emerg\] \Q$message\E in [^\n]*nginx\.conf:\d+$/m,
         $name);
}

refused('no secret', 'location /x { webhook_endpoints zone=m; webhook_secret '
        . 'off; location /x/y { webhook_endpoints zone=q; } }',
        'unknown webhook zone "q"');
refused('no zone', 'location /x { webhook_endpoints http; }',
        '"webhook_endpoints" directive needs "zone="');
refused('twice', 'location /x { webhook_endpoints zone=m; webhook_endpoints '
        . 'zone=m; }', '"webhook_endpoints" directive is duplicate');
refused('beside webhook', 'location /x { webhook munity; webhook_endpoints '
        . 'zone=m; }',
        '"webhook_endpoints" directive is used beside "webhook"');
refused('a parameter', 'location /x { webhook_endpoints zone=m htp; }',
        'invalid parameter "htp"');
refused('an overlap', 'location /x { webhook_endpoints zone=m overlap=x; }',
        'invalid parameter "overlap=x"');
refused("ports=$_", "location /x { webhook_endpoints zone=m ports=$_; }",
        "invalid parameter \"ports=$_\"")
    for '', '0', '65536', 'x', '1,', ',1', '1,,2', '1-', '-1', '2-1', '1-2-3',
        '08';
refused('ports twice', 'location /x { webhook_endpoints zone=m ports=1 '
        . 'ports=2; }', 'invalid parameter "ports=2"');
refused('Lenra\'s zone', 'location /x { webhook lenra zone=m; }',
        'webhook zone "m" is used by "webhook_endpoints" already');
refused('a zone of Lenra\'s', 'location /b { webhook lenra zone=q; } '
        . 'location /c { webhook_endpoints zone=q; }',
        'webhook zone "q" is used by "webhook lenra" already',
        'webhook_zone zone=q:1m;');
refused('an address', 'webhook_endpoint_allow 10.0.0.0/8 x;',
        'invalid parameter "x"');
refused('a queue of Luzmo', 'location /x { webhook luzmo; webhook_queue out '
        . 'endpoints=s; }', '"endpoints=" needs "webhook munity"');
refused('an unknown zone', 'location /x { webhook munity; webhook_queue '
        . 'other endpoints=q; }', 'unknown webhook zone "q"');
refused('a zone without a state', 'location /x { webhook munity; webhook_queue '
        . 'other endpoints=m; }', '"endpoints=" needs "state=" of webhook zone "m"',
        "webhook_queue_path $NginxProcess::Root/other.db queue=other;");
for my $name ("./endpoints.db", "x/../endpoints.db", "linked/endpoints.db",
              "hard.db")
{
    my $root = $NginxProcess::Root;

    mkdir "$root/x";
    symlink $root, "$root/linked";
    link "$root/endpoints.db", "$root/hard.db";
    refused("a file by another name: $name", '',
            "the file \"$root/$name\" is used already",
            "webhook_queue_path $root/$name queue=second;");
}
for my $new ("./new.db", "x/../new.db", "linked/new.db") {
    my $root = $NginxProcess::Root;

    refused("a file that is not there yet: $new", '',
            "the file \"$root/$new\" is used already",
            "webhook_queue_path $root/new.db queue=n1;"
            . "webhook_queue_path $root/$new queue=n2;");
}
for my $names (['new.db', './new.db-lock'], ['x/../new.db-lock', 'new.db']) {
    my ($one, $two) = map { "$NginxProcess::Root/$_" } @$names;

    refused("a lock file: @$names", '', "of the files \"$one\" and \"$two\" "
            . 'one is the lock file of the other',
            "webhook_queue_path $one queue=n1; webhook_queue_path $two queue=n2;");
}
refused('two zones', 'location /x { webhook munity; webhook_queue out '
        . 'endpoints=m; }',
        'webhook queue "out" has the endpoints of another zone already');
refused('a queue\'s parameter', 'location /x { webhook munity; webhook_queue '
        . 'out endpoint=m; }', 'invalid parameter "endpoint=m"');
refused('beside a queue', 'location /x { webhook_endpoints zone=m; '
        . 'webhook_queue out; }',
        '"webhook_queue" is used beside "webhook_endpoints"');
refused('no resolver', 'location /x { webhook munity; webhook_queue more '
        . 'endpoints=s; } location /y { webhook_deliver more; '
        . 'proxy_pass $webhook_endpoint_url; }',
        '"webhook_deliver" of a queue with "endpoints=" needs "resolver" in '
        . 'its location',
        "webhook_queue_path $NginxProcess::Root/more.db queue=more;");
refused('no resolver, within "if"', 'location /x { webhook munity; '
        . 'webhook_queue more endpoints=s; } location /y { webhook_deliver '
        . 'more; if ($webhook_attempt) { proxy_pass $webhook_endpoint_url; } '
        . 'proxy_pass http://127.0.0.1:1; }',
        '"webhook_deliver" of a queue with "endpoints=" needs "resolver" in '
        . 'its location',
        "webhook_queue_path $NginxProcess::Root/more.db queue=more;");

for (['an upstream that variables follow', 'http://egress$request_uri',
      qr/^nginx: \[warn\] "webhook_deliver" of a queue with "endpoints=" needs "resolver" in its location in [^\n]*nginx\.conf:\d+, unless all goes to an "upstream"$/m],
     ['an upstream', 'http://egress; if ($webhook_attempt) { set $x 1; } set $y 2',
      qr/\A(?!.*\[(?:warn|emerg)\] "webhook_deliver")/s])
{
    my ($name, $to, $says) = @$_;

    configure(more => 'location /x { webhook munity; webhook_queue more '
                      . "endpoints=s; } location /y { webhook_deliver more; "
                      . "proxy_pass $to; }",
              http => "upstream egress { server 127.0.0.1:1; }\n"
                      . "webhook_queue_path $NginxProcess::Root/more.db "
                      . 'queue=more;');
    my ($status, $output) = $Nginx->run('-t');
    is($status, 0, "$name: no resolver is needed");
    like($output, $says, $name);
}

refused('sign', 'location /x { webhook_sign standard; }',
        '"webhook_sign" needs "webhook_deliver"');
refused('another scheme', 'location /x { webhook_sign github; }',
        '"webhook_sign" directive has an unknown scheme: "standard" is the '
        . 'only one');

configure(more => 'location /x { webhook_endpoint_allow 10.0.0.1/8; }');
{
    my ($status, $output) = $Nginx->run('-t');
    is($status, 0, 'low bits are no error');
    like($output, qr/^nginx: \[warn\] low address bits of 10\.0\.0\.1\/8 are/m,
         'but worth a word');
}

$Nginx->expect(qr/\[emerg\]/);
$Nginx->finish;
done_testing();
