use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use NameServer;
use Sink;

# Munity's events are sent to the endpoints of their workspaces: fan-out,
# signatures, TLS, what waits while an endpoint changes, and how one is switched
# off.

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use File::Basename qw(dirname);
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

my $Root = $NginxProcess::Root;
my ($Front, $TLS, $Hidden, $Plain, $Names)
    = map { NginxProcess::port($_) } 0, 1, 2, 8, 9;

my $Secret = 'whsec_' . encode_base64('0123456789abcdef01234567', '');
my $Other = 'whsec_' . encode_base64('another secret, and a longer one', '');


# --- certificates: an authority of our own, which nobody else trusts

sub openssl {
    my @command = @_;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', "$Root/openssl.log" or POSIX::_exit(99);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(99);
        exec('openssl', @command) or POSIX::_exit(99);
    }

    waitpid $pid, 0;
    $? == 0 or die NginxProcess::read_file("$Root/openssl.log");
}

for my $ca ('ca', 'otherca') {
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30,
            '-subj', "/CN=$ca", '-keyout', "$Root/$ca.key",
            '-out', "$Root/$ca.pem");
}

sub certificate {
    my ($name, $host, $ca) = @_;

    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', "/CN=$host",
            '-keyout', "$Root/$name.key", '-out', "$Root/$name.csr");
    NginxProcess::write_file("$Root/$name.ext", "subjectAltName=DNS:$host\n");
    openssl('x509', '-req', '-in', "$Root/$name.csr", '-days', 30,
            '-CA', "$Root/$ca.pem", '-CAkey', "$Root/$ca.key",
            '-CAcreateserial', '-extfile', "$Root/$name.ext",
            '-out', "$Root/$name.pem");
}

certificate(hook => 'hook.test', 'ca');
certificate(wrong => 'another.test', 'ca');
certificate(untrusted => 'untrusted.test', 'otherca');


# --- servers

my $Dns = NameServer->new(port => $Names, dir => $Root);
my $Sink = Sink->new(port => $Plain, dir => $Root);

$Dns->set($_ => ['127.0.0.1'])
    for qw(hook.test wrong.test untrusted.test backend.test);

my $Nginx = NginxProcess->new(name => 'sending');

my $Tls = '';

for my $name ('hook', 'wrong', 'untrusted') {
    $Tls .= <<"END";
server {
    listen 127.0.0.1:$TLS ssl;
    server_name $name.test;
    ssl_certificate $Root/$name.pem;
    ssl_certificate_key $Root/$name.key;

    location / {
        proxy_pass http://127.0.0.1:$Plain;
        proxy_set_header Host \$http_host;
        proxy_set_header X-SNI \$ssl_server_name;
    }
}
END
}

my $Send = <<"END";
        webhook_retry 1s 1s 1s 1s 1s 1s 1s 1s;
        webhook_sign standard;
        proxy_pass \$webhook_endpoint_url;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate $Root/ca.pem;
        proxy_ssl_server_name on;
END

$Nginx->configure(workers => 2, http => <<"END");
log_not_found off;
# A newer nginx has another default.
proxy_http_version 1.0;
resolver 127.0.0.1:$Names ipv6=off;
resolver_timeout 2s;
webhook_endpoint_allow 127.0.0.0/8;

webhook_zone zone=e:1m state=$Root/endpoints.db;
webhook_queue_path $Root/out.db queue=out;
webhook_queue_path $Root/hasty.db queue=hasty;
webhook_queue_path $Root/mirrored.db queue=mirrored;
webhook_queue_path $Root/fixed.db queue=fixed;
webhook_queue_path $Root/ops.db queue=ops;

log_format sent '\$webhook_id|\$webhook_attempt|\$webhook_event|\$webhook_endpoint_url|\$webhook_timestamp|\$webhook_signature|\$status';

# a name that is also an endpoint's host
upstream backend.test { server 127.0.0.1:$Hidden; }
upstream fixed { server 127.0.0.1:$Plain; }

server {
    listen 127.0.0.1:$Front;

    location /api/ {
        webhook_endpoints zone=e ports=1-65535 http overlap=3s;
        webhook_secret hush;
    }

    location /admin {
        webhook_api;
        webhook_secret hush;
    }

    location = /munity {
        webhook munity unknown=pass;
        webhook_secret hush;
        webhook_queue out endpoints=e;
    }

    location = /hub {
        webhook munity;
        webhook_signature github hush;
        webhook_queue out endpoints=e;
    }

    location = /hasty {
        webhook munity;
        webhook_secret hush;
        webhook_queue hasty endpoints=e;
    }

    location = /mirrored {
        webhook munity;
        webhook_secret hush;
        webhook_queue mirrored endpoints=e;
    }

    location = /fixed {
        webhook munity;
        webhook_secret hush;
        webhook_queue fixed endpoints=e;
    }

    location \@out {
        webhook_deliver out report=ops;
        access_log $Root/sent.log sent;
$Send
    }

    location \@hasty {
        webhook_deliver hasty report=ops give_up=2s;
$Send
    }

    location \@mirrored {
        webhook_deliver mirrored;
        mirror /copy;
$Send
    }

    location = /egress {
        internal;
        webhook_deliver fixed;
        webhook_sign standard;
        proxy_pass http://fixed/egress;
        proxy_set_header X-URL \$webhook_endpoint_url;
    }

    location = /copy { return 204; }

    location = /ops {
        internal;
        webhook_deliver ops;
        proxy_pass http://127.0.0.1:$Plain/ops;
        proxy_set_header X-Event \$webhook_event;
        proxy_set_header X-Workspace \$webhook_field_workspace_id;
    }
}

server {
    listen 127.0.0.1:$Hidden;
    return 200;
    access_log $Root/hidden.log;
}

$Tls
END

$Nginx->start;

my $Client = NginxProcess::Client->new;

sub ask {
    my ($method, $uri, $body, %headers) = @_;

    $headers{'X-Secret'} = 'hush';
    $headers{'Content-Type'} = 'application/json' if defined $body;

    my $answer = $Client->request($method, $uri, $body, %headers)
        or return 'no answer';

    return "$answer->{status} $answer->{body}";
}

sub put {
    my ($workspace, $url, @more) = @_;

    my $answer = ask(PUT => "/api/workspaces/$workspace/webhook",
                     "{\"url\":\"$url\"" . join('', map { ",$_" } @more) . '}');
    die "PUT: $answer\n" if $answer !~ /^20[01] /;
    return $answer =~ /"secret":"([^"]+)"/ ? $1 : undef;
}

sub endpoint {
    my $workspace = shift;
    my ($json) = ask(GET => "/api/workspaces/$workspace/webhook") =~ /^200 (.*)/;
    return JSON::PP::decode_json($json // '{}');
}

sub event {
    my ($workspace, $event, %payload) = @_;
    %payload = (id => 1, %payload);

    return JSON::PP->new->canonical->encode({
        workspace_id => $workspace, customer_id => undef, event => $event,
        state => undef, payload => \%payload,
    });
}

my $Installed = 'integration_oauth_token_fixed';

# Sends an event, and returns its id.
sub send_event {
    my ($workspace, %with) = @_;
    my $answer = ask(POST => $with{to} // '/munity',
                     $with{body} // event($workspace,
                                          $with{event} // $Installed),
                     %{$with{headers} // {}});
    my ($id, $n) = $answer =~ /^202\ \{"id":"([0-9a-f-]{36})",
                                "deliveries":([01])\}\n\z/x;

    is($n, $with{deliveries} // 1, $with{name} // "an event of $workspace")
        or diag($answer);
    return $id;
}

sub waiting {
    my $queue = shift;
    my ($waiting, $dead) = ask(GET => "/admin/queues/$queue")
                           =~ /"waiting":(\d+),"dead":(\d+)/;
    return "$waiting $dead";
}

sub settled {
    my ($queue, $what) = @_;
    NginxProcess::wait_until(sub { waiting($queue) eq $what });
    return waiting($queue);
}

# The signature of a request by a secret.
sub signature {
    my ($request, $secret) = @_;
    my %h = %{$request->{headers}};

    return 'v1,' . encode_base64(hmac_sha256(
        join('.', $h{'webhook-id'}, $h{'webhook-timestamp'}, $request->{body}),
        decode_base64(substr $secret, 6)), '');
}

# as Standard Webhooks has it
is(signature({headers => {'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
                          'webhook-timestamp' => 1614265330},
              body => '{"test": 2432232314}'},
             'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
   'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'the vector');

my $HTTP = "http://hook.test:$Plain";
my $HTTPS = "https://hook.test:$TLS";


# --- fan-out

send_event('nobody', deliveries => 0, name => 'no endpoint');

my $made = put(w1 => "$HTTP/w1?a=b");

my $body = event(w1 => $Installed, text => "caf\xe9 \x{1f600}");
utf8::encode($body) if utf8::is_utf8($body);

my $time = time;
my $id = send_event('w1', body => $body,
                    headers => {'X-Trace' => 't1', 'webhook-timestamp' => 1,
                                'webhook-signature' => 'v1,x',
                                Cookie => 'c=d', Authorization => 'Bearer x'});

my ($request) = $Sink->wait_for('/w1?a=b', 1);
my %h = %{$request->{headers}};

is($request->{line}, 'POST /w1?a=b HTTP/1.0', 'where to');
ok($request->{body} eq $body, 'to the byte');
is($h{host}, "hook.test:$Plain", 'Host');
is($h{'content-type'}, 'application/json', 'media type');
is($h{'x-trace'}, 't1', 'another header');
is($h{'x-secret'} // $h{cookie} // $h{authorization}, undef, 'no credentials');
is($h{'webhook-id'}, $id, 'webhook-id');
cmp_ok(abs($h{'webhook-timestamp'} - $time), '<', 20, 'webhook-timestamp');
is($h{'webhook-signature'}, signature($request, $made), 'webhook-signature');
is($h{'content-length'}, length $body, 'length');

is(settled('out', '0 0'), '0 0', 'delivered');

NginxProcess::wait_until(sub { -s "$Root/sent.log" });
is(NginxProcess::read_file("$Root/sent.log"),
   "$id|1|$Installed|$HTTP/w1?a=b|$h{'webhook-timestamp'}|"
   . "$h{'webhook-signature'}|200\n", 'the variables, in a log');

# the sender's id, unless it could be cut
send_event('w1', headers => {'webhook-id' => 'msg_1'});
($request) = (grep { $_->{headers}{'webhook-id'} eq 'msg_1' }
              $Sink->wait_for('/w1?a=b', 2));
ok($request, 'an id of the sender');
is($request->{headers}{'webhook-signature'}, signature($request, $made),
   'which is signed');

my $own = send_event('w1', headers => {'webhook-id' => 'msg.1700000000'});
$Sink->wait_for('/w1?a=b', 3);
ok((grep { $_->{headers}{'webhook-id'} eq $own } $Sink->got('/w1?a=b')),
   'an id with a dot is not signed');

# the platform's own signature is for the gateway
put(w2 => "$HTTP/hub");
$body = event(w2 => $Installed);
send_event('w2', to => '/hub', body => $body,
           headers => {'X-Hub-Signature-256'
                       => 'sha256=' . hmac_sha256_hex($body, 'hush'),
                       'X-Hub-Signature' => 'another'});
($request) = $Sink->wait_for('/hub', 1);
is($request->{headers}{'x-hub-signature-256'}, undef,
   'the platform\'s signature is not for its customers');
is($request->{headers}{'x-hub-signature'}, 'another', 'another header is');

# a path that is not there is not the platform's
put(w2 => $HTTP);
send_event('w2');
ok($Sink->wait_for('/', 1), 'no path');

put(w2 => "$HTTP?q=/munity");
send_event('w2');
ok($Sink->wait_for('/?q=/munity', 1), 'no path, a query');

# filters
put(w2 => "$HTTP/filter", '"events":["integration_installed"]');
send_event('w2', deliveries => 0, name => 'another event');
send_event('w2', body => event(w2 => 'webhook_test', test => \1),
           name => 'a test is for all');
send_event('w2', body => event(w2 => 'integration_installed',
                               connector_type => 'c', metadata => undef,
                               state => undef), name => 'the event');
is(scalar($Sink->wait_for('/filter', 2)), 2, 'these arrive');
send_event('w2', event => 'of_another_kind', deliveries => 0,
           name => 'an unknown event');
put(w2 => "$HTTP/unknown");
send_event('w2', event => 'of_another_kind', name => 'is for who takes all');
is(scalar($Sink->wait_for('/unknown', 1)), 1, 'it arrives');

# off
put(w2 => "$HTTP/off", '"enabled":false');
send_event('w2', deliveries => 0, name => 'it is switched off');

# other workspaces
send_event('w', deliveries => 0, name => 'a name that begins so');
send_event('W1', deliveries => 0, name => 'in another case');
send_event("w1\n", deliveries => 0, name => 'a control character');
send_event('x' x 9000, deliveries => 0, name => 'a long name');

# a test
like(ask(POST => '/api/workspaces/w1/webhook/test'),
     qr/^202 \{"id":"[0-9a-f-]{36}"\}\n\z/, 'a test');
$Sink->wait_for('/w1?a=b', 4);
($request) = grep { $_->{body} =~ /"webhook_test"/ } $Sink->got('/w1?a=b');
is($request->{body}, '{"workspace_id":"w1","customer_id":null,'
   . '"event":"webhook_test","state":null,"payload":{"test":true}}',
   'which is Munity\'s');
is($request->{headers}{'webhook-signature'}, signature($request, $made),
   'and signed');
is($request->{headers}{'content-type'}, 'application/json', 'as JSON');


# --- rotation

put(w3 => "$HTTP/w3", "\"secret\":\"$Secret\"");
put(w3 => "$HTTP/w3", "\"secret\":\"$Other\"");
send_event('w3');
($request) = $Sink->wait_for('/w3', 1);
is($request->{headers}{'webhook-signature'},
   signature($request, $Other) . ' ' . signature($request, $Secret),
   'both secrets, the new one first');

NginxProcess::wait_until(sub { !endpoint('w3')->{previous_secret_until} });
sleep 1;
send_event('w3');
$request = ($Sink->wait_for('/w3', 2))[1];
is($request->{headers}{'webhook-signature'}, signature($request, $Other),
   'then the new one only');


# --- TLS

put(w4 => "$HTTPS/w4");
send_event('w4');
($request) = $Sink->wait_for('/w4', 1);
is($request->{headers}{'x-sni'}, 'hook.test', 'SNI');
is($request->{headers}{host}, "hook.test:$TLS", 'Host, with TLS');

$Nginx->expect(qr/upstream SSL certificate (?:does not match "wrong\.test"|verify error)/);

for my $name ('wrong', 'untrusted') {
    put($name => "https://$name.test:$TLS/$name");
    send_event($name);
    NginxProcess::wait_until(sub { endpoint($name)->{failing_since} });
    ok(endpoint($name)->{failing_since}, "$name: it fails");
    is(scalar($Sink->got("/$name")), 0, "$name: nothing is sent");
    ask(DELETE => "/api/workspaces/$name/webhook");
}

is(settled('out', '0 0'), '0 0', 'without an endpoint they are dropped');


# --- answers

# a redirect is a failure, and nobody follows it
$Sink->answer('/moved' => 302, "Location: $HTTP/elsewhere");
put(w5 => "$HTTP/moved");
send_event('w5');
cmp_ok(scalar($Sink->wait_for('/moved', 2)), '>=', 2, 'tried again');
is(scalar($Sink->got('/elsewhere')), 0, 'not followed');

# what waits is sent to where it is registered now, by the secret of now
ok(endpoint('w5')->{failing_since}, 'it has been failing');
put(w5 => "$HTTP/here", "\"secret\":\"$Other\"");
is(endpoint('w5')->{failing_since}, undef, 'another one has not');
($request) = $Sink->wait_for('/here', 1);
like($request->{headers}{'webhook-signature'},
     qr/^\Q${\ signature($request, $Other)}\E /, 'signed anew');
is(settled('out', '0 0'), '0 0', 'delivered at last');

# it fails for a while
$Sink->answer('/flaky' => 500);
put(w5 => "$HTTP/flaky");
send_event('w5');
NginxProcess::wait_until(sub { endpoint('w5')->{failing_since} });
my $since = endpoint('w5')->{failing_since};
cmp_ok(abs($since - time), '<', 20, 'failing since now');
my $n = $Sink->got('/flaky');
$Sink->wait_for('/flaky', $n + 1);
is(endpoint('w5')->{failing_since}, $since, 'still since then');
$Sink->answer('/flaky' => 200);
NginxProcess::wait_until(sub { !endpoint('w5')->{failing_since} });
is(endpoint('w5')->{failing_since}, undef, 'it is well again');
is(settled('out', '0 0'), '0 0', 'delivered');

# deleted while an event waits
$Sink->answer('/gone' => 500);
put(w6 => "$HTTP/gone");
send_event('w6');
$Sink->wait_for('/gone', 1);
is(ask(DELETE => '/api/workspaces/w6/webhook'), '204 ', 'deleted');
is(settled('out', '0 0'), '0 0', 'it is dropped');

# filtered while an event waits
put(w6 => "$HTTP/gone");
send_event('w6');
$Sink->wait_for('/gone', 2);
put(w6 => "$HTTP/gone", '"events":["webhook_test"]');
is(settled('out', '0 0'), '0 0', 'it is not wanted any more');

# switched off while an event waits: it can be replayed
put(w6 => "$HTTP/gone");
$id = send_event('w6');
$n = $Sink->got('/gone');
$Sink->wait_for('/gone', $n + 1);
put(w6 => "$HTTP/back", '"enabled":false');
is(settled('out', '0 1'), '0 1', 'it is dead');
is(ask(POST => "/admin/queues/out/dead/$id/replay"), qq(200 {"replayed":1}\n),
   'replayed while it is off');
is(settled('out', '0 1'), '0 1', 'it is dead again');
put(w6 => "$HTTP/back");
is(ask(POST => "/admin/queues/out/dead/$id/replay"), qq(200 {"replayed":1}\n),
   'replayed');
is(scalar($Sink->wait_for('/back', 1)), 1, 'it arrives');
is(settled('out', '0 0'), '0 0', 'delivered');

# 410: switched off, and reported
$Nginx->expect(qr/event [0-9a-f-]{36} is dead after attempt/);
$Sink->answer('/410' => 410);
put(w7 => "$HTTP/410");
send_event('w7');
is(settled('out', '0 1'), '0 1', '410: dead');
NginxProcess::wait_until(sub { !endpoint('w7')->{enabled} });
is(endpoint('w7')->{disabled_reason}, 'gone', 'switched off');
send_event('w7', deliveries => 0, name => 'nothing more is sent');

($request) = $Sink->wait_for('/ops', 1);
is($request->{body}, '{"workspace_id":"w7","customer_id":null,'
   . '"event":"webhook_endpoint_disabled","state":null,"payload":{"url":"'
   . "$HTTP/410\",\"reason\":\"gone\",\"status\":410}}", 'reported');
is($request->{headers}{'x-event'}, 'webhook_endpoint_disabled',
   'with its event');
is($request->{headers}{'x-workspace'}, 'w7', 'and workspace');

# it fails for too long
$Sink->answer('/never' => 500);
put(w8 => "$HTTP/never");
send_event('w8', to => '/hasty');
NginxProcess::wait_until(sub { !endpoint('w8')->{enabled} });
is(endpoint('w8')->{disabled_reason}, 'failing', 'given up');
ok(endpoint('w8')->{failing_since}, 'it says since when');
$request = ($Sink->wait_for('/ops', 2))[1];
like($request->{body}, qr/"workspace_id":"w8".*"reason":"failing","status":500/,
     'reported');
is(settled('hasty', '0 1'), '0 1', 'what waited is dead');
put(w8 => "$HTTP/well");
is(endpoint('w8')->{enabled}, JSON::PP::true, 'it is registered again');
send_event('w8', to => '/hasty');
is(scalar($Sink->wait_for('/well', 1)), 1, 'and gets events');

# an endpoint that fails holds up nobody else's events
put(w9 => "$HTTP/never");
put(wa => "$HTTP/quick");
send_event('w9') for 1 .. 5;
send_event('wa');
is(scalar($Sink->wait_for('/quick', 1)), 1, 'another one\'s event');
ask(DELETE => '/api/workspaces/w9/webhook');
is(settled('out', '0 1'), '0 1', 'the others are dropped');


# --- other locations

# no "upstream" is found by an endpoint's host
put(wb => "http://backend.test:$Plain/backend");
send_event('wb');
is(scalar($Sink->wait_for('/backend', 1)), 1, 'the host, not an upstream');
is(-s "$Root/hidden.log", 0, 'nothing for the upstream of its name');

# what is fixed is taken as it is
put(wc => "https://8.8.8.8/far");
send_event('wc', to => '/fixed');
($request) = $Sink->wait_for('/egress', 1);
is($request->{headers}{'x-url'}, 'https://8.8.8.8/far', 'a gateway of one\'s own');

# who reads the body before could connect to any address
$Nginx->expect(qr/an event for an endpoint is read before its content handler/);
put(wd => "$HTTP/mirrored");
send_event('wd', to => '/mirrored');
NginxProcess::wait_until(sub { endpoint('wd')->{failing_since} });
is(scalar($Sink->got('/mirrored')), 0, 'mirror');
ask(DELETE => '/api/workspaces/wd/webhook');
is(settled('mirrored', '0 0'), '0 0', 'dropped');

# many at once
put("m$_" => "$HTTP/many$_") for 1 .. 10;
my @answers = NginxProcess::all(sub {
    my ($client, $n) = @_;
    my $workspace = 'm' . (1 + $n % 10);
    $client->request(POST => '/munity', event($workspace, $Installed),
                     'X-Secret' => 'hush',
                     'Content-Type' => 'application/json');
}, 1 .. 200);
is(scalar(grep { $_->{body} =~ /"deliveries":1/ } @answers), 200, 'many');
is(scalar($Sink->wait_for("/many$_", 20)), 20, "to the $_. of them")
    for 1 .. 10;
is(settled('out', '0 1'), '0 1', 'all are delivered');


# --- what the packages say that verify it

SKIP: {
    my $npm = dirname(__FILE__) . '/../build/npm/node_modules';
    my ($node) = grep { -x "$_/node" } File::Spec->path;

    skip('there is no node, or none of the packages', 1)
        if !$node || !-d "$npm/standardwebhooks" || !-d "$npm/svix";

    # node looks for the packages where the script is
    my $script = File::Spec->rel2abs("$npm/../verify.$$.mjs");
    NginxProcess::write_file($script, <<'END');
import readline from 'node:readline';
import * as standardwebhooks from 'standardwebhooks';
import * as svix from 'svix';

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { name, secret, headers, body } = JSON.parse(line);
    const { Webhook } = { standardwebhooks, svix }[name];

    try {
        new Webhook(secret).verify(Buffer.from(body, 'base64').toString(),
                                   headers);
        console.log('verified');
    } catch (e) {
        console.log('refused');
    }
}
END

    my $pid = open2(my $out, my $in, 'node', $script);
    $in->autoflush(1);

    my $verify = sub {
        my ($name, $secret, $request) = @_;
        print $in JSON::PP::encode_json({
            name => $name, secret => $secret, headers => $request->{headers},
            body => encode_base64($request->{body}, ''),
        }), "\n";
        chomp(my $line = <$out> // 'ended');
        return $line;
    };

    put(we => "$HTTP/npm", "\"secret\":\"$Secret\"");
    put(we => "$HTTP/npm", "\"secret\":\"$Other\"");
    send_event('we', body => event(we => $Installed, text => 'x' x 5000));
    my ($request) = $Sink->wait_for('/npm', 1);

    for my $name ('standardwebhooks', 'svix') {
        is($verify->($name, $Other, $request), 'verified', "$name: $_")
            for 'the new secret';
        is($verify->($name, $Secret, $request), 'verified', "$name: $_")
            for 'the old secret';
        is($verify->($name, 'whsec_' . 'nope' x 8, $request), 'refused',
           "$name: another secret");

        my %changed = (%$request, body => "$request->{body} ");
        is($verify->($name, $Other, \%changed), 'refused',
           "$name: another body");
    }

    close $in;
    waitpid $pid, 0;
    unlink $script;
}

unlike($Nginx->log, qr/hush|whsec_|v1,/, 'no secret and no signature is in the '
       . 'log');

$Nginx->expect(qr/destination \w+ is failing, status 502: /);
$Nginx->finish;
done_testing();
