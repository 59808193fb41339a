use lib 't/lib';
use WebhookTest 'no_plan';

# docs/operations.md: lines of its log are JSON whatever was sent; its alerts
# and docs/grafana-dashboard.json ask for metrics and reasons that there are.

use Encode qw(decode FB_CROAK LEAVE_SRC);
use File::Basename qw(dirname);
use JSON::PP;

our $Top = dirname(dirname(File::Spec->rel2abs(__FILE__)));
our $Root = $ENV{TEST_NGINX_SERVROOT};

sub slurp {
    my $file = shift;

    open my $in, '<:raw', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

sub spew {
    my ($file, $text) = @_;

    open my $out, '>:raw', $file or die "$file: $!";
    print $out $text;
    close $out or die "$file: $!";
}

sub fenced {
    my ($language, $pattern) = @_;

    my @found = grep { $_ =~ $pattern } slurp("$Top/docs/operations.md")
                                        =~ /^```$language\n(.*?)^```$/gms;

    @found == 1 or die "docs/operations.md has not one $language like $pattern";
    return $found[0];
}


# --- metrics --------------------------------------------------------------

our $Source = join '', map { slurp($_) }
                       glob "$Top/ngx_http_webhook_module/{*,*/*}.[ch]";

our %Histogram = map { $_ => 1 }
    $Source =~ /histogram_t\s+\w+\s*=\s*\{\s*ngx_string\("(\w+)"\)/g;

our %Metric = map { $_ => 1 } $Source =~ /"(nginx_webhook_\w+)"/g;

for my $name (keys %Histogram) {
    delete $Metric{$name};
    $Metric{"${name}_$_"} = 1 for qw(bucket sum count);
}

# PromQL, by what it is for
our %Query;

my $alerts = fenced('yaml', qr/^groups:/);
my @alerts = split /^ *- alert: /m, $alerts;
shift @alerts;

for (@alerts) {
    my ($name, $expr) = /^(\w+)\n\s*expr:(.*?)^\s*(?:for|labels):/ms
        or die "an alert of docs/operations.md is not as the others";
    $Query{"alert $name"} = $expr;
}

my $dashboard = JSON::PP->new->utf8->decode(
                    slurp("$Top/docs/grafana-dashboard.json"));

for my $panel (@{$dashboard->{panels}}) {
    for my $target (@{$panel->{targets} // []}) {
        $Query{"panel $panel->{title} $target->{refId}"} = $target->{expr};
    }
}

for my $variable (@{$dashboard->{templating}{list}}) {
    next if $variable->{type} ne 'query';
    $Query{"choice of $variable->{name}"} = $variable->{query}{query};
}

for my $for (sort keys %Query) {
    my @names = $Query{$for} =~ /\b(nginx_webhook_\w+)/g;

    isnt(scalar @names, 0, "$for asks for a metric");
    is(join(' ', grep { !$Metric{$_} } @names), '',
       "$for asks for metrics that there are");

    for ($Query{$for} =~ /\breason=~?"([^"]*)"/g) {
        my $reason = $_;
        my @known = grep { /^(?:$reason)$/ }
                    $Source =~ /^ +row\((\w+)\)/gm;

        # Each alternative has to match on its own.
        my %alternatives = map { $_ => 1 } alternatives($reason);
        delete @alternatives{@known};

        is(join(' ', sort keys %alternatives), '',
           "$for asks for reasons that there are");
    }
}

# the words that "a|(b|c)_(d|e)|f" stands for
sub alternatives {
    my $pattern = shift;
    my @words = ('');
    my @all;

    for my $part ($pattern =~ /\([^)]*\)|\||\w+/g) {
        if ($part eq '|') {
            push @all, @words;
            @words = ('');
            next;
        }

        $part =~ s/^\(|\)$//g;
        @words = map { my $word = $_; map { "$word$_" } split /\|/, $part }
                 @words;
    }

    return @all, @words;
}

# promtool is in Debian's package "prometheus".
{
    my ($tool) = grep { -x } map { "$_/promtool" }
                 split(/:/, $ENV{PATH}), "$Top/build/prometheus/usr/bin";
    my $dir = "$Root.promtool";

  SKIP: {
        skip 'there is no promtool', 2 if !$tool;

        my $n = 0;
        my $rules = "groups:\n  - name: dashboard\n    rules:\n";

        for (map { $Query{$_} } grep { /^panel/ } sort keys %Query) {
            s/\$__rate_interval/5m/g;
            $rules .= "      - record: q" . $n++ . "\n        expr: '$_'\n";
        }

        mkdir $dir;
        spew("$dir/dashboard.yml", $rules);
        spew("$dir/alerts.yml.rules", $alerts);
        spew("$dir/alerts.yml", slurp("$Top/t/alerts.yml"));

        my $said = `'$tool' check rules '$dir/dashboard.yml' 2>&1`;
        is($?, 0, 'the dashboard is PromQL') or diag($said);

        $said = `'$tool' test rules '$dir/alerts.yml' 2>&1`;
        is($?, 0, 'each alert fires, and only when it should') or diag($said);
    }
}


# --- the log --------------------------------------------------------------

our $Format = fenced('nginx', qr/^log_format  webhook_json/m);
$Format =~ s/^server \{.*//ms;

# What changes with each request is in the log but for the signature, which is
# none of its business, and the members of payloads, which are many.
{
    my @variables = (slurp("$Top/docs/variables.md")
                         =~ /^\| `\$(webhook_\w+)/gm,
                     $Source =~ /ngx_string\("(webhook_\w+)"\), NULL,/g);

    isnt(scalar @variables, 0, 'there are variables');
    is(join(' ', grep { $Format !~ /\$\Q$_\E\b/ && $_ !~ /^webhook_field_/
                        && $_ ne 'webhook_signature' } @variables), '',
       'the log has all variables');
}

add_response_body_check(sub {
    my $block = shift;
    my $name = $block->name;
    my @lines;

    return if !defined $block->logged;

    my @expected = @{JSON::PP->new->utf8->decode($block->logged)};

    # A line is written after the answer, those of a delivery later.
    for (1 .. 100) {
        @lines = slurp("$Root/logs/webhook.log") =~ /(.*\n)/g;
        last if @lines >= @expected;
        select undef, undef, undef, 0.05;
    }

    is(scalar @lines, scalar @expected, "$name - a line for each");

    # Which comes first, that of a delivery or that of its 202, is not said.
    @lines = map { my $n = $_; grep { /"attempt":"$n"/ } @lines }
             '', 1 .. $#expected;

    for my $i (0 .. $#expected) {
        line("$name - line " . ($i + 1), $lines[$i], $expected[$i]);
    }

    # Test::Nginx empties the server root between blocks, but not of these.
    unlink glob "$Root/events.db*";
});

sub line {
    my ($name, $line, $expected) = @_;
    my $text;

    ok(eval { $text = decode('UTF-8', $line, FB_CROAK | LEAVE_SRC); 1 },
       "$name is UTF-8") or return diag($line);

    my $entry = eval { JSON::PP->new->decode($text) };
    ok($entry, "$name is JSON") or return diag("$@$line");

    for (['time', qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/],
         ['request', qr/^[0-9a-f]{32}$/], ['client', qr/^127\.0\.0\.1$/],
         ['method', qr/^POST$/], ['seconds', qr/^\d+(?:\.\d+)?$/],
         ['length', qr/^\d+$/])
    {
        like(delete $entry->{$_->[0]}, $_->[1], "$name has $_->[0]");
    }

    # a delivery has been judged before, when it came
    like(delete $entry->{judge_seconds},
         $entry->{attempt} eq '' ? qr/^\d\.\d{9}$/ : qr/^(?:\d\.\d{9})?$/,
         "$name has judge_seconds");

    like(delete $entry->{upstream_seconds},
         $entry->{upstream} eq '' ? qr/^$/ : qr/^\d+\.\d{3}$/,
         "$name has upstream_seconds");

    delete @$entry{qw(upstream server)};

    # What is empty is left out; nothing else may be there.
    my %fields = %{delete $entry->{fields}};
    my %got = (%$entry, map { ("fields.$_" => $fields{$_}) } keys %fields);
    delete @got{grep { $got{$_} eq '' } keys %got};

    is_deeply(\%got, $expected, "$name says what happened") or diag($line);
}

our $Http = <<'END' . $Format;
    webhook_zone zone=hooks:64k;
    webhook_queue_path $TEST_NGINX_SERVROOT/events.db queue=events;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;

        # so that an event is tried twice
        if ($http_x_attempt = 1) {
            return 500;
        }

        return 200 "taken\n";
    }
END

our $Config = <<'END';
    access_log logs/webhook.log webhook_json if=$webhook_provider;

    location /webhook/plugin/ {
        webhook luzmo;
        webhook_secret right slug=acme;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /munity {
        webhook munity unknown=pass;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /queued {
        webhook munity;
        webhook_secret right;
        webhook_queue events;
    }

    location = /delivered {
        webhook_deliver events;
        webhook_retry 1s;
        proxy_set_header X-Attempt $webhook_attempt;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /lenra/ {
        webhook lenra zone=hooks;
        webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11
                    environment=7 token=t0k3n user=5;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END

run_tests();

__DATA__

=== TEST 1: an event with a trace
--- http_config eval: $::Http
--- config eval: $::Config
--- request
POST /webhook/plugin/data_updated
{"slug":"acme","user_id":"3f1c6a52-8d0e-4b7a-9c55-2f6f0a1d7e90","key":"9a0f8c1e-47d2-4e0b-8a36-5c1b7d2e4f60","dataset_id":"tasks"}
--- more_headers
Content-Type: application/json
X-Secret: right
webhook-id: msg_1
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- response_body
taken
--- logged
[{"status": 200, "provider": "luzmo", "event": "data_updated", "id": "msg_1",
 "upstream_status": "200", "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
 "fields.slug": "acme", "fields.dataset_id": "tasks",
 "fields.user_id": "3f1c6a52-8d0e-4b7a-9c55-2f6f0a1d7e90"}]



=== TEST 2: a refusal before anything of the payload is known
--- http_config eval: $::Http
--- config eval: $::Config
--- request
POST /webhook/plugin/data_updated
{"slug":"acme"}
--- more_headers
Content-Type: application/json
X-Secret: wrong
webhook-id: msg_2
--- error_code: 401
--- response_body
{"type":{"code":401,"description":"Unauthorized"},"message":"the secret is not valid","reason":"invalid_secret"}
--- logged
[{"status": 401, "provider": "luzmo", "event": "data_updated", "id": "msg_2",
 "reason": "invalid_secret"}]



=== TEST 3: texts that would break out, and bytes that are not UTF-8
--- http_config eval: $::Http
--- config eval: $::Config
--- raw_request eval
my $body = '{"workspace_id":"a\"}\\\\,\u0022\n\u0000\u001f\u007f\u00e9'
           . "\xc3\xa9" . '\ud83d\ude00\ud800","customer_id":null,'
           . '"event":"\u2028\"x","state":null,"payload":{"id":12}}';

# A newer nginx refuses such a host.
my $host = $Test::Nginx::Util::NginxVersion < 1.029 ? "\xff.example" : 'x';

"POST /munity?\xff\"\\ HTTP/1.1\r\nHost: $host\r\n"
. "Connection: close\r\nUser-Agent: \xfe\"\\\r\n"
. "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e473\xff-00f067aa0ba902b7-01\r\n"
. "webhook-id: \"\\,{}\r\nX-Secret: right\r\n"
. "Content-Type: application/json\r\nContent-Length: " . length($body)
. "\r\n\r\n$body";
--- response_body
taken
--- logged eval
'[{"status": 200, "provider": "munity", "upstream_status": "200",
  "event": "\u2028\"x", "id": "\"\\\\,{}",
  "tenant": "a\"}\\\\,\"%0A%00%1F%7F\u00e9\u00e9\ud83d\ude00\ufffd",
  "fields.workspace_id":
      "a\"}\\\\,\"%0A%00%1F%7F\u00e9\u00e9\ud83d\ude00\ufffd"}]'



=== TEST 4: a registration
--- http_config eval: $::Http
--- config eval: $::Config
--- request
POST /lenra/app/webhooks
{"action":"deploy"}
--- more_headers
Content-Type: application/json
Authorization: Bearer t0k3n
webhook-id: msg_4
--- response_body_like: ^\{"uuid":"[0-9a-f-]{36}","action":"deploy","props":null,"environment_id":7,"user_id":5\}$
--- logged
[{"status": 200, "provider": "lenra", "id": "msg_4", "action": "deploy",
 "app": "8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11", "environment": "7", "user": "5"}]



=== TEST 5: an event that is delivered from a queue at the second attempt
--- http_config eval: $::Http
--- config eval: $::Config
--- request
POST /queued
{"workspace_id":"w1","customer_id":"c1","event":"webhook_test","state":null,"payload":{"test":true}}
--- more_headers
Content-Type: application/json
X-Secret: right
webhook-id: msg_5
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- error_code: 202
--- response_body_like: ^\{"id":"[0-9a-f-]{36}"\}$
--- timeout: 10
--- logged
[{"status": 202, "provider": "munity", "event": "webhook_test", "id": "msg_5",
  "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
  "tenant": "w1",
  "fields.workspace_id": "w1", "fields.customer_id": "c1"},
 {"status": 500, "provider": "munity", "event": "webhook_test", "id": "msg_5",
  "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
  "tenant": "w1",
  "fields.workspace_id": "w1", "fields.customer_id": "c1",
  "upstream_status": "500", "attempt": "1"},
 {"status": 200, "provider": "munity", "event": "webhook_test", "id": "msg_5",
  "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
  "tenant": "w1",
  "fields.workspace_id": "w1", "fields.customer_id": "c1",
  "upstream_status": "200", "attempt": "2"}]
