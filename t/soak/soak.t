use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Test::More;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use List::Util qw(sum);
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Time::HiRes qw(sleep time);

# Requests of all kinds, $SOAK_REQUESTS of them (a million), and what the
# workers are like after them: as large as they were after the first hundredth,
# but for one part in a hundred, with as many descriptors.
#
# Four clients speak HTTP/1.1 and take the kinds of @Kinds in turn, one by one,
# so that the answer to each of them is known; every fifth request is HTTP/2's,
# from h2load.  Heaps stay as large as what was once under way at the same time.
# In the first hundredth each worker has all the connections, and all of them at
# once, so that it meets with as much as it ever will.  Sizes are taken while
# nothing is going on.
#
# What waits in a queue is delivered before that, some of it only after it has
# failed, and some to an endpoint.
#
# State and queues are mapped into memory, whose pages are counted as resident
# then, although they are the kernel's cache.  The state grows as webhooks come
# and go: it says for a week which ones were deleted.  They are told apart, and
# so are the zones, which are as large as the configuration says and resident as
# far as they have been used.

my $Requests = $ENV{SOAK_REQUESTS} || 1_000_000;
my $First = $Requests / 100;
my $Steps = 10;
my $Clients = 4;

my $Root = $NginxProcess::Root;
my $App = '5f0f9b52-6a0e-4d0c-8c43-0d9f64d0a7b1';
my $Other = '0d3d3a52-9a51-4a3f-8f0e-3c9d0f6a9b21';
my $Key = 'a secret of twenty-four.';
my $Whsec = 'whsec_' . encode_base64($Key, '');

my %Port = (http1 => NginxProcess::port(0), http2 => NginxProcess::port(2));
my $Tls = NginxProcess::port(3);
my @Files = map { "$Root/$_" } qw(state queue out);


# --- what is asked --------------------------------------------------------

my $Luzmo = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
            . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01","dataset_id":"d"}';

sub munity {
    my $data = '"' . 'x\n\u00e9' x ($_[0] / 9) . '"';

    return '{"workspace_id":"w","customer_id":null,'
           . '"event":"integration_updated_data_model","state":null,'
           . '"payload":{"id":1,"resource_id":"r","type":"t","diff":{},'
           . qq("data":$data}});
}

my $Small = munity(200);
my $Large = munity(65536);

my @Json = ('Content-Type' => 'application/json');
my @Secret = ('X-Secret' => 's3cr3t', @Json);
my @Token = (Authorization => 'Bearer t0ken', @Json);

# Headers with a signature of each scheme, as of now.
my %Sign = (
    standard => sub {
        my $now = time | 0;
        return ('webhook-id' => 'm', 'webhook-timestamp' => $now,
                'webhook-signature' => 'v1,'
                . encode_base64(hmac_sha256("m.$now.$_[0]", $Key), ''));
    },
    github => sub {
        return ('X-Hub-Signature-256'
                => 'sha256=' . hmac_sha256_hex($_[0], $Key));
    },
    stripe => sub {
        my $now = time | 0;
        return ('Stripe-Signature' => "t=$now,v1="
                . hmac_sha256_hex("$now.$_[0]", $Key));
    },
    slack => sub {
        my $now = time | 0;
        return ('X-Slack-Request-Timestamp' => $now, 'X-Slack-Signature'
                => 'v0=' . hmac_sha256_hex("v0:$now:$_[0]", $Key));
    },
    shopify => sub {
        return ('X-Shopify-Hmac-Sha256'
                => encode_base64(hmac_sha256($_[0], $Key), ''));
    },
);

# Each is a status and what makes the request: method, path, body, headers.
# $_[0] is the client's own list of webhooks; a status of 0 is a client that
# leaves in the middle of its body.
my @Kinds;

sub kind {
    my ($status, @request) = @_;
    push @Kinds, [$status, sub { return @request }];
}

kind(200, POST => '/luzmo/data_updated', $Luzmo, @Secret);
kind(200, POST => '/luzmo/data_available', $Luzmo, @Secret);
kind(200, POST => '/luzmo/data_updated', $Luzmo, @Json,
     'X-Secret' => 'of-acme');
kind(403, POST => '/luzmo/data_updated', $Luzmo, @Json,
     'X-Secret' => 'of-other');
kind(404, POST => '/luzmo/nothing', $Luzmo, @Secret);
kind(405, GET => '/luzmo/data_updated', undef, @Secret);
kind(401, POST => '/luzmo/data_updated', $Luzmo, @Json);
kind(401, POST => '/luzmo/data_updated', $Luzmo, @Json, 'X-Secret' => 'no');
kind(401, POST => '/luzmo/data_updated', $Large, @Json, 'X-Secret' => 'no');
kind(415, POST => '/luzmo/data_updated', $Luzmo, 'X-Secret' => 's3cr3t');
kind(415, POST => '/luzmo/data_updated', $Luzmo, @Secret,
     'Content-Encoding' => 'gzip');
kind(400, POST => '/luzmo/data_updated', '', @Secret);
kind(400, POST => '/luzmo/data_updated', '{', @Secret);
kind(400, POST => '/luzmo/data_updated', "$Luzmo}", @Secret);
kind(400, POST => '/luzmo/data_updated', '{"slug":"a","slug":"b"}', @Secret);
kind(400, POST => '/luzmo/data_updated', '{"slug":"acme"}', @Secret);
kind(400, POST => '/luzmo/data_updated', '{"slug":{}}', @Secret);
kind(0, POST => '/luzmo/data_updated', $Luzmo, @Secret);
kind(200, POST => '/page/data_updated', $Luzmo, @Secret);
kind(418, POST => '/page/data_updated', '[]', @Secret);

kind(200, POST => '/munity', $Small, @Secret);
kind(200, POST => '/munity', $Large, @Secret);
kind(200, POST => '/file', $Large, @Secret);
kind(400, POST => '/munity', "$Large\{", @Secret);
kind(400, POST => '/munity', $Large =~ s/"t"/7/r, @Secret);
kind(400, POST => '/munity', $Small =~ s/integration_updated/unknown/r,
     @Secret);
kind(200, POST => '/munity/unknown', $Small =~ s/updated/other/r, @Secret);
kind(413, POST => '/munity/tiny', $Large, @Secret);
kind(0, POST => '/munity', $Large, @Secret);

for my $scheme (sort keys %Sign) {
    push @Kinds, [200, sub { (POST => "/signed/$scheme", $Small,
                              $Sign{$scheme}->($Small)) }];
    push @Kinds, [401, sub { (POST => "/signed/$scheme", "$Small ",
                              $Sign{$scheme}->($Small)) }];
    push @Kinds, [200, sub { (POST => "/signed/$scheme", $Large,
                              $Sign{$scheme}->($Large)) }];
    kind(401, POST => "/signed/$scheme", $Small);
    push @Kinds, [0, sub { (POST => "/signed/$scheme", $Large,
                            $Sign{$scheme}->($Large)) }];
}

kind(401, POST => '/signed/stripe', '', 'Stripe-Signature' => 't=1,v1=00');

push @Kinds, [200, sub { (POST => '/app/webhooks',
                          '{"action":"notify","props":{"list":"tasks"}}',
                          @Token) }];
push @Kinds, [200, sub { (POST => '/app/webhooks',
                          '{"action":"n","props":{"text":"' . 'x' x 3000
                          . '"}}', @Token) }];
push @Kinds, [200, sub { (GET => "/app/webhooks/$_[0][-1]", undef, @Token) }];

for my $body ('{"n":1}', '[1,2]', '', $Large) {
    push @Kinds, [200, sub { (POST => "/apps/$App/webhooks/$_[0][-1]", $body,
                              @Json) }];
}

push @Kinds, [404, sub { (POST => "/apps/$Other/webhooks/$_[0][-1]", '{}',
                          @Json) }];
push @Kinds, [400, sub { (POST => "/apps/$App/webhooks/$_[0][-1]", '{',
                          @Json) }];
push @Kinds, [404, sub { (GET => "/app/webhooks/$_[0][-1]", undef,
                          Authorization => 'Bearer other') }];
kind(200, GET => '/app/webhooks?limit=10', undef, @Token);
kind(400, GET => '/app/webhooks?limit=x', undef, @Token);
kind(401, GET => '/app/webhooks', undef, Authorization => 'Bearer no');
kind(401, POST => '/app/webhooks', '{"action":"n"}', @Json);
kind(400, POST => '/app/webhooks', '{"action":" "}', @Token);
kind(404, GET => "/app/webhooks/$App", undef, @Token);
kind(404, POST => "/apps/$App/webhooks/$App", '{}', @Json);
kind(404, POST => '/apps/x/webhooks/y', '{}', @Json);
push @Kinds, [204, sub { (DELETE => '/app/webhooks/' . shift @{$_[0]}, undef,
                          @Token) }];
push @Kinds, [204, sub { (DELETE => '/app/webhooks/' . shift @{$_[0]}, undef,
                          @Token) }];

# A key of a client's own, once or again and again.
my $Keys = 0;

push @Kinds, [200, sub { (POST => '/dedup/data_updated', $Luzmo, @Secret,
                          'webhook-id' => "$$-" . $Keys++) }];
push @Kinds, [200, sub { (POST => '/dedup/data_updated', $Luzmo, @Secret,
                          'webhook-id' => "$$-again") }];
kind(400, POST => '/dedup/data_updated', '{', @Secret, 'webhook-id' => 'm');

kind(202, POST => '/queued', $Small, @Secret);
kind(202, POST => '/queued/failing', $Small, @Secret);
kind(400, POST => '/queued', "$Small,", @Secret);
kind(0, POST => '/queued', $Small, @Secret);
kind(202, POST => '/out', $Small, @Secret);
kind(202, POST => '/out', $Small =~ s/"w"/"nobody"/r, @Secret);

kind(200, GET => '/endpoints/workspaces/w/webhook');
kind(404, GET => '/endpoints/workspaces/nobody/webhook');
kind(400, PUT => '/endpoints/workspaces/w/webhook',
     '{"url":"https://10.0.0.1/"}', @Json);
kind(200, GET => "/status?format=$_") for qw(json prometheus html);
kind(200, GET => '/api/queues');
kind(200, GET => '/api/queues/queue/dead');
kind(404, GET => "/api/queues/queue/events/$App");


# --- what asks ------------------------------------------------------------

# A request, by turns with a length or in chunks, the last one of a connection
# or not.  Returns the answer's status, or 0.
sub ask {
    my ($client, $k, $leave, $hooks, $method, $path, $body, @headers) = @_;
    my $close = $k % 7 == 0;
    my $head = "$method $path HTTP/1.1\r\nHost: x\r\n"
               . ($close ? "Connection: close\r\n" : '');

    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n";
    }

    if (defined $body && $k % 5 == 0) {
        my $half = length($body) >> 1;

        $head .= "Transfer-Encoding: chunked\r\n";
        $body = join '', map { length($_)
                               ? sprintf("%x\r\n%s\r\n", length $_, $_) : () }
                             substr($body, 0, $half), substr($body, $half);
        $body .= "0\r\n\r\n";

    } elsif (defined $body) {
        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }

    my $request = "$head\r\n" . ($body // '');
    my $socket = $client->connect or return -1;

    if ($leave) {
        syswrite $socket, $request, length($request) * 2 / 3;
        $client->close;
        return 0;
    }

    $client->{method} = $method;
    syswrite $socket, $request;

    my $answer = $client->answer or return -1;

    $client->close if $close;

    push @$hooks, $1
        if $path eq '/app/webhooks' && $method eq 'POST'
           && $answer->{body} =~ /^\{"uuid":"([0-9a-f-]{36})"/;

    return $answer->{status};
}


# So many requests from each of the clients; false if any went wrong.
sub http1 {
    my $requests = shift;
    my @pids;

    for my $n (1 .. $Clients) {
        my $pid = fork // die "fork: $!";

        if ($pid) {
            push @pids, $pid;
            next;
        }

        my $client = NginxProcess::Client->new(port => $Port{http1});
        my $k = $n;
        my ($bad, @hooks) = (0);

        local $SIG{PIPE} = 'IGNORE';

        while ($k - $n < $requests) {
            for my $kind (@Kinds) {
                my ($status, $make) = @$kind;
                my @request = $make->(\@hooks);
                my $got = ask($client, $k++, $status == 0, \@hooks, @request);

                if ($got != $status) {
                    diag("$request[0] $request[1]: $got instead of $status");
                    $bad++;
                }

                last if $bad > 10;
            }

            last if $bad > 10;
        }

        POSIX::_exit($bad != 0);
    }

    my $good = 1;

    for my $pid (@pids) {
        waitpid $pid, 0;
        $good = 0 if $?;
    }

    return $good;
}


# Starts so many requests on all the connections; returns what result() needs.
sub h2load {
    my ($n, $path, $body, @headers) = @_;
    my @options;

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @options, '-H', "$name: $value";
    }

    if (defined $body) {
        NginxProcess::write_file("$Root/body", $body);
        push @options, '-d', "$Root/body";
    }

    open my $h2load, '-|', 'h2load', '-n', $n, '-c', 8, '-m', 4, '-t', 1,
        @options, "http://127.0.0.1:$Port{http2}$path"
        or die "h2load: $!";

    return $h2load;
}

# Waits for them; false unless the statuses of so many are of that class.
sub result {
    my ($h2load, $n, $class) = @_;
    my $out = do { local $/; <$h2load> };
    my %seen = reverse $out =~ /(\d+) ([2-5]xx)/g;

    close $h2load;
    return 1 if ($seen{$class} // 0) == $n;

    diag('HTTP/2: ', $out =~ /^(status codes:.*)/m);
    return 0;
}


# What HTTP/2 asks: the class of the answers, and what makes the requests.
sub runs {
    return (
        ['2xx', '/luzmo/data_updated', $Luzmo, @Secret],
        ['4xx', '/luzmo/data_updated', $Luzmo, @Json],
        ['4xx', '/luzmo/data_updated', '{"slug":"acme"}', @Secret],
        ['2xx', '/munity', $Large, @Secret],
        ['2xx', '/signed/github', $Small, $Sign{github}->($Small)],
        ['4xx', '/signed/github', $Large, $Sign{github}->($Small)],
        ['2xx', "/apps/$App/webhooks/" . hook(), $Small, @Json],
        ['2xx', '/app/webhooks?limit=10', undef, @Token],
        ['2xx', '/queued', $Small, @Secret],
        ['2xx', '/out', $Small, @Secret],
    );
}


sub http2 {
    my $requests = shift;
    my @runs = runs();
    my $n = $requests < 8 * @runs ? 8 : int($requests / @runs);
    my $good = 1;

    for my $run (@runs) {
        my ($class, @request) = @$run;

        $good &= result(h2load($n, @request), $n, $class);
    }

    return $good;
}


# What comes while a worker stands still is under way at the same time, and one
# commit: as much as these connections can make of it.  The first time they have
# yet to be told how much they may send.  Returns how many requests there were,
# or 0.
sub bursts {
    my $pid = shift;
    my ($sent, $good) = (0, 1);

    for my $run ((runs()) x 6) {
        my ($class, @request) = @$run;
        my $h2load;

        for (1 .. 3) {
            kill STOP => $pid;
            $h2load //= h2load(64, @request);
            sleep 0.1;
            kill CONT => $pid;
            sleep 0.005;
        }

        $good &= result($h2load, 64, $class);
        $sent += 64;
    }

    return $good && $sent;
}


# --- what comes of it -----------------------------------------------------

# kB of a worker, by the kind of memory, and how many descriptors it has
sub size {
    my $pid = shift;
    my %size = map { $_ => 0 } qw(own state zones);
    my $kind;

    for (split /\n/, NginxProcess::read_file("/proc/$pid/smaps")) {
        if (/^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)/) {
            my $name = $1;
            $kind = (grep { $_ eq $name } @Files) ? 'state'
                    : $name =~ m{^/dev/zero } ? 'zones' : 'own';
        }

        $size{$kind} += $1 if /^Rss:\s+(\d+) kB/;
    }

    my $status = NginxProcess::read_file("/proc/$pid/status");
    $size{$1} = $2 while $status =~ /^(VmRSS|RssAnon):\s+(\d+)/mg;

    opendir my $dir, "/proc/$pid/fd" or die "/proc/$pid/fd: $!";
    $size{fds} = grep { /^\d+$/ } readdir $dir;

    return \%size;
}


# Connections to the upstream are closed after a second without requests.
sub quiet {
    my @workers = @_;
    my ($last, $since) = ('', time);

    delivered();

    NginxProcess::wait_until(sub {
        my $now = join ' ', map { size($_)->{fds} } @workers;
        ($last, $since) = ($now, time) if $now ne $last;
        return time - $since > 2;
    });
}


# No worker is stopped while it writes to a file, which the others wait for.
sub delivered {
    my $client = NginxProcess::Client->new(port => $Port{http1});

    ok(NginxProcess::wait_until(sub {
        my $answer = $client->request(GET => '/api/queues') or return;
        return 2 == (() = $answer->{body} =~ /"waiting":0,/g);
    }, 120), 'what waited is delivered');
}


my $Hook;

sub hook { return $Hook }


my $nginx = NginxProcess->new(name => 'soak');

system("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost"
       . " -keyout $Root/key.pem -out $Root/certificate.pem 2>/dev/null") == 0
    or die 'openssl';

my $upstream = NginxProcess::port(1);
my $signed = join '', map {
    my $secret = $_ eq 'standard' ? $Whsec : "\"$Key\"";
    "location /signed/$_ { webhook signed; webhook_signature $_ $secret "
    . "another-secret; proxy_pass http://upstream; }\n"
} grep { $_ ne 'standard' } sort keys %Sign;

# Each thread has a heap, which stays as large as its largest commit.
$nginx->configure(main => 'thread_pool default threads=2;', http => <<END);
    webhook_zone zone=hooks:4m state=$Root/state;
    webhook_zone zone=endpoints:1m state=$Root/endpoints-state;
    webhook_status_zone zone=status:128k;
    webhook_dedup_zone zone=seen:64k;
    webhook_queue_path $Root/queue queue=queue;
    webhook_queue_path $Root/out queue=out;

    webhook_app $App environment=1 token=t0ken;
    webhook_app $Other environment=1 token=other;

    client_max_body_size 1m;
    client_body_buffer_size 128k;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Event "\$webhook_provider \$webhook_event \$webhook_id";
    proxy_set_header X-Slug \$webhook_field_slug;

    upstream upstream {
        server 127.0.0.1:$upstream;
        keepalive 16;
        keepalive_timeout 1s;
    }

    server {
        listen 127.0.0.1:$Port{http1};
        listen 127.0.0.1:$Port{http2} http2;

        location /luzmo/ {
            webhook luzmo;
            webhook_secret s3cr3t;
            webhook_secret of-acme slug=acme;
            webhook_secret of-other slug=other;
            proxy_pass http://upstream;
        }
        location /page/ {
            webhook luzmo;
            webhook_secret s3cr3t;
            error_page 400 =418 \@page;
            proxy_pass http://upstream;
        }
        location \@page {
            return 418 "\$webhook_reason";
        }
        location = /munity {
            webhook munity;
            webhook_secret s3cr3t;
            proxy_pass http://upstream;
        }
        location = /munity/unknown {
            webhook munity unknown=pass;
            webhook_secret s3cr3t;
            proxy_pass http://upstream;
        }
        location = /munity/tiny {
            webhook munity;
            webhook_secret s3cr3t;
            client_max_body_size 1k;
            proxy_pass http://upstream;
        }
        location = /file {
            webhook munity;
            webhook_secret s3cr3t;
            client_body_buffer_size 8k;
            proxy_pass http://upstream;
        }

        $signed
        location /signed/standard {
            webhook signed;
            webhook_signature standard $Whsec;
            proxy_pass http://upstream;
        }

        location /dedup/ {
            webhook luzmo;
            webhook_secret s3cr3t;
            webhook_dedup \$http_webhook_id zone=seen;
            proxy_pass http://upstream;
        }

        location /queued {
            webhook munity;
            webhook_secret s3cr3t;
            webhook_queue queue;
        }
        location \@deliver {
            webhook_deliver queue;
            webhook_retry 100ms;
            proxy_set_header X-Attempt \$webhook_attempt;
            proxy_pass http://upstream;
        }

        location /out {
            webhook munity;
            webhook_secret s3cr3t;
            webhook_queue out endpoints=endpoints;
        }
        location \@send {
            webhook_deliver out;
            webhook_sign standard;
            resolver 127.0.0.1;
            webhook_endpoint_allow 127.0.0.0/8;
            proxy_set_header webhook-signature \$webhook_signature;
            proxy_pass \$webhook_endpoint_url;
        }
        location /endpoints/ {
            webhook_endpoints zone=endpoints ports=1-65535;
            webhook_secret off;
            webhook_endpoint_allow 127.0.0.0/8;
        }

        location /status {
            webhook_status zone=status;
        }
        location /api {
            webhook_api;
            webhook_secret off;
        }

        location /app/ {
            webhook lenra zone=hooks;
        }
        location /apps/ {
            webhook lenra zone=hooks;
            proxy_pass http://upstream;
        }
    }

    # Reads the body, and says that it did.
    server {
        listen 127.0.0.1:$upstream;
        listen 127.0.0.1:$Tls ssl;
        ssl_certificate $Root/certificate.pem;
        ssl_certificate_key $Root/key.pem;

        location = /queued/failing {
            if (\$http_x_attempt = 1) {
                return 500;
            }
            return 200;
        }
        location / {
            mirror /mirror;
            log_not_found off;
            error_page 404 =200 \@taken;
        }
        location = /mirror {
            return 204;
        }
        location \@taken {
            return 200 "taken\\n";
        }
    }
END

$nginx->expect(qr/client intended to send too large (?:chunked )?body/);
$nginx->start;

my @workers = $nginx->workers;

is(NginxProcess::Client->new(port => $Port{http1})->request(
       PUT => '/endpoints/workspaces/w/webhook',
       qq({"url":"https://127.0.0.1:$Tls/hook"}), @Json)->{status},
   201, 'an endpoint');

# the webhook that HTTP/2 triggers, and some company
for (1 .. 100) {
    my $answer = NginxProcess::Client->new(port => $Port{http1})->request(
        POST => '/app/webhooks', '{"action":"notify"}', @Token);
    ($Hook) = $answer->{body} =~ /"uuid":"([^"]+)"/;
}

my ($sent, $last, %first) = (0);

sub http {
    my $requests = shift;
    return http1(int($requests * 0.8 / $Clients)) & http2($requests * 0.2);
}


for my $to ($First, map { $_ * $Requests / $Steps } 1 .. $Steps) {
    my $requests = $to - $sent;
    my $start = time;
    my $good = 1;

    if ($sent) {
        $good = http($requests);

    } else {
        for my $pid (@workers) {
            $good &= NginxProcess::only($pid, \@workers, sub {
                my $bursts = bursts($pid);
                return $bursts && http($requests / @workers - $bursts);
            });
            delivered();
        }
    }

    my $rate = $requests / (time - $start);

    $sent = $to;
    ok($good, "$sent requests are answered as they should be");

    quiet(@workers);
    $last = {map { $_ => size($_) } @workers};
    %first = %$last if !%first;

    for my $pid (@workers) {
        my $size = $last->{$pid};

        diag(sprintf '%8d requests, %4d/s, worker %d: %d kB, of which'
                     . ' anonymous %d, the state %d; %d descriptors',
             $sent, $rate, $pid, @$size{qw(VmRSS RssAnon state fds)});
    }

    last if !$good;
}

is_deeply([$nginx->workers], \@workers, 'no worker has been replaced');

for my $pid (@workers) {
    my ($was, $is) = ($first{$pid}, $last->{$pid});

    cmp_ok($is->{own}, '<=', $was->{own} * 1.01,
           "worker $pid has $is->{own} kB of its own, had $was->{own} kB");
    cmp_ok($is->{state}, '<=', sum(map { -s } @Files) / 1024,
           "worker $pid has not mapped more than the files");
    is($is->{fds}, $was->{fds},
       "worker $pid has $is->{fds} descriptors as before");
}

$nginx->finish;
done_testing();
