package StatusTest;

# An nginx that counts, what is sent to it, and what webhook_status says.
#
#     my $nginx = nginx('counted', server => 'location /more/ { ... }');
#
#     is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
#     counted_is('luzmo data_updated accepted 1', 'it is counted');
#
# /luzmo/ and /munity are there, with the secret of @Secret; $App has the token
# of @Token where webhook_app says so.  The status is at /status, and in each of
# its formats below.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use LuzmoEvent ();
use NginxProcess;
use Pages ();
use Test::More;

our @EXPORT = qw($Luzmo $Top $App $Munity @Json @Secret @Token $Client config
                 nginx post get status counted reload counted_is promtool);

*wait_until = \&NginxProcess::wait_until;

our $Luzmo = $LuzmoEvent::Body;

my $Root = $NginxProcess::Root;
our $Top = Pages::top();

our $App = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
our $Munity = '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
             . '"state":null,"payload":{"test":true}}';

our @Json = ('Content-Type' => 'application/json');
our @Secret = ('X-Secret' => 's3cr3t', @Json);
our @Token = (Authorization => 'Bearer t0ken', @Json);


# zone: the parameters of webhook_status_zone, none if it is ''
sub config {
    my ($nginx, %with) = @_;
    my $zone = $with{zone} // 'zone=status:64k';
    my $http = $with{http} // '';
    my $server = $with{server} // '';
    my ($port, $other, $upstream) = map { NginxProcess::port($_) } 0, 1, 2;
    my $status = '';

    if ($zone ne '') {
        $http .= "webhook_status_zone $zone;\n";
        $status = <<'END';
        location = /status {
            webhook_status zone=status;
            webhook_secret off;
        }
        location = /status/json {
            webhook_status zone=status json api=/hooks/;
            webhook_secret off;
        }
        location = /status/prometheus {
            webhook_status prometheus zone=status;
            webhook_secret off;
        }
        location = /status/html {
            webhook_status zone=status html;
            webhook_secret off;
        }
END
    }

    $nginx->configure(%with, http => <<END);
    $http

    webhook_secret s3cr3t;

    server {
        listen 127.0.0.1:$port;
        listen [::1]:$other;
        listen unix:$Root/socket;

        $status

        location /luzmo/ {
            webhook luzmo;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /munity {
            webhook munity;
            client_max_body_size 1k;
            client_body_timeout 1s;
            proxy_pass http://127.0.0.1:$upstream;
        }

        $server
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "taken\\n";
    }
END

    return $nginx;
}

our $Client = NginxProcess::Client->new;

sub nginx {
    my ($name, %with) = @_;

    $Client->close;
    return config(NginxProcess->new(name => $name), %with)->start;
}

sub post {
    my ($uri, $body, @headers) = @_;
    my $answer = $Client->request(POST => $uri, $body, @headers);

    return $answer ? $answer->{status} : 'nothing';
}

sub get {
    my ($uri, @headers) = @_;
    return $Client->request(GET => $uri, undef, @headers);
}

sub status { return JSON::PP::decode_json(get('/status')->{body}) }

# All that is not zero, as lines of "provider event reason number".
sub counted {
    my $status = shift // status();
    my @lines;

    for my $provider (@{$status->{providers}}) {
        for my $event (@{$provider->{events}}) {
            my %number = (accepted => $event->{accepted},
                          %{$event->{refused}});

            push @lines, map {
                join ' ', $provider->{provider}, $event->{event} // '-', $_,
                          $number{$_}
            } grep { $number{$_} } sort keys %number;
        }
    }

    return join "\n", sort @lines;
}

sub reload {
    my ($nginx, $name) = @_;

    ok($nginx->reload, $name);
    $Client->close;
}

# The answer comes before the request is logged, where it is counted.
sub counted_is {
    my ($expected, $name) = @_;

    $expected = join "\n", sort split /\n/, $expected;
    wait_until(sub { counted() eq $expected }, 5);
    is(counted(), $expected, $name);
}

# promtool is in Debian's package "prometheus".
sub promtool {
    my ($text, $name) = @_;
    my ($tool) = grep { -x } map { "$_/promtool" }
                 split(/:/, $ENV{PATH}), "$Top/build/prometheus/usr/bin";

  SKIP: {
        skip 'there is no promtool', 1 if !$tool;

        NginxProcess::write_file("$Root/metrics", $text);
        is(`'$tool' check metrics <'$Root/metrics' 2>&1`, '',
           "promtool: $name");
    }
}

1;
