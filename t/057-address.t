use strict;
use warnings;

use lib 't/lib';
use Answers qw(refused);
use NginxProcess;
use NameServer;
use Sink;

# No way inside: what names mean is looked at when an endpoint is registered, and
# again for each attempt; the address that was looked at is the one that is
# connected to, whatever the name means by then.

use Test::More;

my $Root = $NginxProcess::Root;
my ($Front, $Inside, $Plain, $Names)
    = map { NginxProcess::port($_) } 0, 1, 8, 9;

my $Dns = NameServer->new(port => $Names, dir => $Root);
my $Sink = Sink->new(port => $Plain, dir => $Root);
my $Nginx = NginxProcess->new(name => 'address');

# Loopback has many addresses: 127.1.0.0/16 is what may be reached here, and
# 127.0.0.1 is inside.
$Nginx->configure(workers => 1, http => <<"END");
log_not_found off;
resolver 127.0.0.1:$Names;
resolver_timeout 1s;

webhook_zone zone=e:1m state=$NginxProcess::Root/endpoints.db;
webhook_queue_path $Root/out.db queue=out;
webhook_queue_path $Root/strict.db queue=strict;
webhook_queue_path $Root/blind.db queue=blind;

server {
    listen 127.0.0.1:$Front;
    webhook_secret hush;

    # public addresses only
    location /strict/ { webhook_endpoints zone=e ports=1-65535 http; }

    location /api/ {
        webhook_endpoints zone=e ports=1-65535 http;
        webhook_endpoint_allow 127.1.0.0/16;
    }

    # does not look at names, as without a resolver
    location /any/ {
        webhook_endpoints zone=e ports=1-65535 http;
        webhook_endpoint_allow 0.0.0.0/0 ::/0;
    }

    location = /munity { webhook munity; webhook_queue out endpoints=e; }
    location = /tostrict { webhook munity; webhook_queue strict endpoints=e; }

    location \@out {
        webhook_deliver out;
        webhook_retry 1s 1s 1s 1s 1s 1s;
        webhook_endpoint_allow 127.1.0.0/16;
        proxy_pass \$webhook_endpoint_url;
        proxy_connect_timeout 1s;
    }

    location \@strict {
        webhook_deliver strict;
        webhook_retry 1s 1s 1s 1s 1s 1s;
        proxy_pass \$webhook_endpoint_url;
        proxy_connect_timeout 1s;
    }
}

# inside: nobody must come here
server {
    listen 127.0.0.1:$Inside;
    access_log $Root/inside.log;
    return 200;
}

# outside
server {
    listen 127.1.0.1:$Inside;
    listen 127.1.0.2:$Inside;

    location / {
        proxy_pass http://127.0.0.1:$Plain;
        proxy_set_header Host \$http_host;
        proxy_set_header X-Address \$server_addr;
    }
}

# without a resolver
server {
    listen 127.0.0.1:${\ NginxProcess::port(2)};
    webhook_secret hush;
    resolver off;

    location /api/ { webhook_endpoints zone=e ports=1-65535 http; }
}
END
{
    # there is no "resolver off": a server without one needs its own level
    my $file = "$Root/conf/nginx.conf";
    my $text = NginxProcess::read_file($file);
    $text =~ s/^    resolver off;\n//m;
    $text =~ s/^(resolver 127.*\n)(resolver_timeout.*\n)//m;
    my $resolver = "    $1    $2";
    $text =~ s/(listen 127\.0\.0\.1:$Front;\n)/$1$resolver/;
    NginxProcess::write_file($file, $text);
}

$Nginx->start;

sub ask {
    my ($method, $uri, $body, %with) = @_;
    my %headers = ('X-Secret' => 'hush');
    $headers{'Content-Type'} = 'application/json' if defined $body;

    my $client = NginxProcess::Client->new(port => $with{port} // $Front);
    my $answer = $client->request($method, $uri, $body, %headers)
        or return 'no answer';

    return "$answer->{status} $answer->{body}";
}

sub put {
    my ($location, $workspace, $url, %with) = @_;
    return ask(PUT => "/$location/workspaces/$workspace/webhook",
               "{\"url\":\"$url\"}", %with);
}

sub send_event {
    my ($workspace, $to) = @_;
    like(ask(POST => $to // '/munity', "{\"workspace_id\":\"$workspace\","
             . '"customer_id":null,"event":"integration_oauth_token_fixed",'
             . '"state":null,"payload":{"id":1}}'),
         qr/^202 .*"deliveries":1/, "an event of $workspace");
}

sub failing {
    my $workspace = shift;
    return NginxProcess::wait_until(sub {
        ask(GET => "/api/workspaces/$workspace/webhook")
            =~ /"failing_since":\d/;
    });
}

sub inside { return -s "$Root/inside.log" ? 1 : 0 }

sub problem {
    my ($status, $message, $reason) = @_;
    return refused(problem => $status, "url $message", $reason,
                   field => 'url');
}

my $Forbidden = problem(400, 'has a host that is not a public one',
                        'forbidden_address');
my $Unknown = problem(400, 'has a host that can\'t be found', 'unknown_host');
my $Failed = problem(503, 'the host could not be looked up', 'resolver_failed');


# --- when it is registered

$Dns->set('public.test' => ['8.8.8.8', '2606:4700::1111']);
like(put(strict => 'r', 'https://public.test/'), qr/^201 /, 'a public name');

for my $address ('127.0.0.1', '10.1.2.3', '100.64.0.1', '169.254.169.254',
                 '172.16.0.1', '192.168.1.1', '192.0.2.1', '198.18.0.1',
                 '0.0.0.0', '224.0.0.1', '255.255.255.255', '::1', '::',
                 'fe80::1', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1',
                 '::ffff:8.8.8.8', '64:ff9b::7f00:1', '2002:7f00:1::',
                 '2001::1', '2001:db8::1', '::127.0.0.1')
{
    my $name = 'a' . ($address =~ s/[:.]/-/gr) . 'z.test';
    $Dns->set($name => [$address]);
    is(put(strict => 'r', "https://$name/"), $Forbidden,
       "a name of $address");
}

$Dns->set('mixed.test' => ['8.8.8.8', '8.8.4.4', '10.0.0.1']);
is(put(strict => 'r', 'https://mixed.test/'), $Forbidden, 'one is inside');

$Dns->set('mixed6.test' => ['8.8.8.8', '::1']);
is(put(strict => 'r', 'https://mixed6.test/'), $Forbidden, 'the IPv6 one is');

is(put(strict => 'r', 'https://nobody.test/'), $Unknown, 'no such name');

$Dns->set('empty.test' => []);
is(put(strict => 'r', 'https://empty.test/'), $Unknown, 'no addresses');

$Dns->set('broken.test' => 'SERVFAIL');
is(put(strict => 'r', 'https://broken.test/'), $Failed, 'the server fails');

$Dns->set('silent.test' => 'SILENT');
is(put(strict => 'r', 'https://silent.test/'), $Failed, 'nobody answers');

like(ask(GET => '/strict/workspaces/r/webhook'),
     qr{"url":"https://public\.test/"}, 'nothing of it has changed anything');

# without a resolver: by its own name only
like(put(api => 'blind', 'https://nobody.test/', port => NginxProcess::port(2)),
     qr/^201 /, 'without a resolver, any name');
is(put(api => 'blind', 'https://localhost/', port => NginxProcess::port(2)),
   $Forbidden, 'but these');
is(put(api => 'blind', 'https://127.0.0.1/', port => NginxProcess::port(2)),
   $Forbidden, 'and addresses');


# --- when it is connected to

$Dns->set('good.test' => ['127.1.0.1']);
like(put(api => 'good', "http://good.test:$Inside/good"), qr/^201 /, 'allowed');
send_event('good');
my ($request) = $Sink->wait_for('/good', 1);
is($request->{headers}{'x-address'}, '127.1.0.1', 'its address');
is($request->{headers}{host}, "good.test:$Inside", 'its name');

# the name means something else when the event is sent
for my $address ('127.0.0.1', '10.0.0.1', '::1', '::ffff:127.0.0.1',
                 '169.254.169.254')
{
    (my $name = $address) =~ s/[:.]/-/g;
    my $host = "turned${name}z.test";
    $Dns->set($host => ['127.1.0.1']);
    like(put(api => $name, "http://$host:$Inside/$name"), qr/^201 /,
         "$address: it was allowed");
    $Dns->set($host => [$address]);
    sleep 2;
    send_event($name);
    ok(failing($name), "$address: refused");
    is(scalar($Sink->got("/$name")), 0, "$address: nothing is sent");

    $Dns->set($host => ['127.1.0.1']);
    is(scalar($Sink->wait_for("/$name", 1)), 1,
       "$address: the event arrives when it is as it was");
}

# the name changes between the look at it and the connection: the resolver is
# asked once for an attempt, and each answer is another one
$Dns->set('rebind.test' => ['127.1.0.1']);
put(api => 'rebind', "http://rebind.test:$Inside/rebind");
$Dns->set('rebind.test' => (['127.1.0.1'], ['127.0.0.1']) x 50);
sleep 2;

for my $n (1 .. 6) {
    my $asked = $Dns->asked('rebind.test');
    my $arrived = $Sink->got('/rebind');
    send_event('rebind');
    $Sink->wait_for('/rebind', $arrived + 1);
    cmp_ok($Dns->asked('rebind.test') - $asked, '<=', 4,
           'the resolver is not asked more often than there are attempts');
}
is(inside(), 0, 'nobody has come inside');

# one of several
$Dns->set('several.test' => ['127.1.0.1', '127.1.0.2']);
put(api => 'several', "http://several.test:$Inside/several");
for my $n (1 .. 12) {
    send_event('several');
    $Sink->wait_for('/several', $n);
}
my %address = map { $_->{headers}{'x-address'} => 1 } $Sink->got('/several');
is(join(' ', sort keys %address), '127.1.0.1 127.1.0.2', 'each in its turn');

$Dns->set('several.test' => ['127.1.0.1', '127.0.0.1']);
sleep 2;
send_event('several');
ok(failing('several'), 'one of them is inside: none is used');
is(scalar($Sink->got('/several')), 12, 'nothing is sent');

# what is an address itself is looked at by the location that sends
my %literal = (l1 => "http://127.0.0.1:$Inside/",
               l2 => "http://[::ffff:127.0.0.1]:$Inside/",
               l3 => "http://localhost:$Inside/",
               l4 => 'http://169.254.169.254/latest/meta-data/');

$Dns->set(localhost => ['127.0.0.1']);

for my $name (sort keys %literal) {
    like(put(any => $name, $literal{$name}), qr/^201 /, "$name: registered");
    send_event($name);
    ok(failing($name), "$name: not connected to");
    send_event($name, '/tostrict');
}

# a name that is allowed here, and not there
put(api => 'elsewhere', "http://good.test:$Inside/elsewhere");
send_event('elsewhere', '/tostrict');
ok(failing('elsewhere'), 'the location that sends decides');
is(scalar($Sink->got('/elsewhere')), 0, 'nothing is sent');

# a redirect leads nowhere
$Sink->answer('/redirect' => 307, "Location: http://127.0.0.1:$Inside/");
put(api => 'redirect', "http://good.test:$Inside/redirect");
send_event('redirect');
ok(failing('redirect'), 'a redirect is a failure');
is(scalar($Sink->wait_for('/redirect', 2)) > 1, 1, 'and tried again');

# names that can't be resolved
for my $name ('SERVFAIL', 'SILENT', 'NXDOMAIN') {
    my $host = lc "$name.unresolved.test";
    $Dns->set($host => ['127.1.0.1']);
    put(api => $name, "http://$host:$Inside/$name");
    $Dns->set($host => $name);
    sleep 2;
    send_event($name);
    ok(failing($name), "$name: fails");
    $Dns->set($host => ['127.1.0.1']);
    is(scalar($Sink->wait_for("/$name", 1)), 1, "$name: arrives later");
}

is(inside(), 0, 'nobody has come inside, ever');

my $log = $Nginx->log;
like($log, qr/\[warn\].*webhook endpoint's host "127\.0\.0\.1" has a forbidden address/,
     'a warning says so');
like($log, qr/\[warn\].*webhook endpoint's host "silent\.unresolved\.test" could not be resolved/,
     'and what could not be resolved');

$Nginx->expect(qr/event [0-9a-f-]{36} is dead after attempt/,
               qr/destination \w+ is failing, status 502: /,
               qr/could not be resolved \(\d+: Operation timed out\)/);

# what is still being tried comes to an end
$Nginx->stop('QUIT');
$Nginx->finish;
done_testing();
