use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# Addresses that are public, and are no endpoint's all the same: those of the
# gateway, those of clouds' services, and what webhook_endpoint_deny says.

use Test::More;

# A network of our own, with loopback only, in which nginx and its clients are:
# unshare(CLONE_NEWNET), and two public addresses
plan(skip_all => 'this takes root') if $> != 0;
plan(skip_all => 'only on x86_64 and aarch64')
    if `uname -m` !~ /^(x86_64|aarch64)$/;

my $unshare = $1 eq 'x86_64' ? 272 : 97;

plan(skip_all => 'there is no network to be had')
    if syscall($unshare, 0x40000000) != 0
       || system('ip link set lo up && ip addr add 9.9.9.1/32 dev lo'
                 . ' && ip addr add 2620:fe::fe:1/128 dev lo') != 0;

my $Port = NginxProcess::port(0);
my $Nginx = NginxProcess->new(name => 'addresses');

sub configure {
    my %with = (location => '', send => '', @_);

    $Nginx->configure(workers => 1, http => <<"END");
log_not_found off;
webhook_zone zone=e:1m state=$NginxProcess::Root/endpoints.db;
webhook_queue_path $NginxProcess::Root/out.db queue=out;

server {
    listen 127.0.0.1:$Port;
    webhook_secret off;

    location /api/ { webhook_endpoints zone=e ports=1-65535; }

    location /denied/ {
        webhook_endpoints zone=e ports=1-65535;
        webhook_endpoint_deny 9.9.8.0/24 10.0.0.0/8;
        webhook_endpoint_deny 2620:fe::/32;
        webhook_endpoint_allow 10.0.0.0/8 192.168.0.0/16;
    }

    location /allowed/ {
        webhook_endpoints zone=e ports=1-65535;
        webhook_endpoint_allow 9.9.9.1 168.63.129.16;
    }

    location = /events { webhook munity; webhook_queue out endpoints=e; }

    location \@send {
        webhook_deliver out;
        resolver 127.0.0.1:1;
        proxy_pass \$webhook_endpoint_url;
        $with{send}
    }

    $with{location}
}
END
}

configure();
$Nginx->start;

my $Client = NginxProcess::Client->new;

sub put {
    my ($to, $host) = @_;
    my $answer = $Client->request(PUT => "/$to/workspaces/w/webhook",
                                  "{\"url\":\"https://$host/\"}",
                                  'Content-Type' => 'application/json')
        or return 'no answer';
    return "$answer->{status} " . ($answer->{body} =~ /"reason":"(\w+)"/ ? $1
                                                                         : '');
}

for my $case (['api', '9.9.9.2', 1], ['api', '9.9.9.1', 0],
              ['api', '[2620:fe::fe:1]', 0], ['api', '[2620:fe::fe:2]', 1],
              ['api', '168.63.129.16', 0], ['api', '168.63.129.17', 1],
              ['allowed', '9.9.9.1', 1], ['allowed', '168.63.129.16', 1],
              ['allowed', '[2620:fe::fe:1]', 0],
              ['denied', '9.9.8.1', 0], ['denied', '9.9.7.255', 1],
              ['denied', '10.1.2.3', 0], ['denied', '192.168.1.1', 1],
              ['denied', '[2620:fe:1::1]', 0], ['denied', '9.9.9.1', 0])
{
    my ($to, $host, $taken) = @$case;
    my $answer = put($to, $host);

    $taken ? like($answer, qr/^20[01] $/, "$to: $host is taken")
           : is($answer, '400 forbidden_address', "$to: $host is refused");
}

# what is registered is looked at again when it is sent to
like(put('api', '9.9.9.2'), qr/^200 /, 'one that is taken');
configure(send => 'webhook_endpoint_deny 9.9.9.0/24;');
ok($Nginx->reload, 'and denied now');
$Client = NginxProcess::Client->new;

my $answer = $Client->request(POST => '/events', '{"workspace_id":"w",'
    . '"customer_id":null,"event":"integration_oauth_token_fixed",'
    . '"state":null,"payload":{"id":1}}', 'Content-Type' => 'application/json');
like($answer->{body}, qr/"deliveries":1/, 'an event for it');
ok(NginxProcess::wait_until(sub {
       $Nginx->log =~ /endpoint's host "9\.9\.9\.2" has a forbidden address/;
   }), 'is not sent');

# a signature without TLS that is verified
for my $case (['', 1], ['proxy_ssl_verify on;', 0]) {
    my ($verify, $warned) = @$case;
    my $warning = qr/\[warn\] "webhook_sign" without "proxy_ssl_verify on": .* in \S+nginx\.conf:\d+$/m;

    configure(send => "webhook_sign standard; $verify"
              . ($verify ? ' proxy_ssl_trusted_certificate '
                           . '/etc/ssl/certs/ca-certificates.crt;' : ''));
    my (undef, $output) = $Nginx->run('-t');
    $warned ? like($output, $warning, 'unverified: warned of')
            : unlike($output, $warning, 'verified: not warned of');
}

configure(location => 'webhook_endpoint_deny 10.0.0.0/8 x;');
$Nginx->expect(qr/invalid parameter "x"/);
like(($Nginx->run('-t'))[1], qr/\[emerg\] invalid parameter "x" in /,
     'what is no network');

$Nginx->finish;
done_testing();
