use strict;
use warnings;
use utf8;

use lib 't/lib';
use Chromium;
use NginxProcess;
use Test::More;

use Digest::SHA qw(sha256_base64);
use File::Basename qw(dirname);
use JSON::PP ();
use Time::HiRes qw(sleep);

# The page of "webhook_status zone=... html": what is sent, and what a browser
# makes of it: without data, with data, with values that want to break out;
# keyboard, names for screen readers, phones; dead letters by way of an API.

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $Top = dirname(dirname(File::Spec->rel2abs(__FILE__)));
my $Source = "$Top/ngx_http_webhook_module/views/ngx_http_webhook_status_page.html";
my $Port = NginxProcess::port(0);

my $Luzmo = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
            . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01",'
            . '"dataset_id":"d"}';
my @Secret = ('X-Secret' => 's3cr3t', 'Content-Type' => 'application/json');

my $Hostile = q{<img src=x onerror="alert(1)">'&amp;</script><script>x()};

# What is shown as a dead event, by the API that stands in for webhook_api.
my $Dead = JSON::PP->new->canonical->encode({dead => [
    {id => '0b1c2d3e-0000-4000-8000-000000000001', event => 'webhook_test',
     attempts => 8, error => 'gone', status => 410, died => 1795000000.5},
    {id => $Hostile =~ s{/}{}gr, event => $Hostile, attempts => 3, status => 0,
     error => $Hostile, died => 1795000000}]});

my $Queue = 'out<b>&"\'';       # as it is in the path as well
my $Encoded = 'out%3Cb%3E%26%22\'';


sub page { return NginxProcess::read_file($Source) }

sub nginx {
    my ($name, %with) = @_;
    my $nginx = NginxProcess->new(name => $name);
    my $http = $with{http} // '';
    my $upstream = NginxProcess::port(1);
    my $dead = $Dead =~ s/([\\'])/\\$1/gr;

    $nginx->configure(http => <<END);
    webhook_status_zone zone=status:128k;
    log_format api '\$request_method \$request_uri "\$http_x_token"';
    $http

    server {
        listen 127.0.0.1:$Port;
        root $Root;

        location = /status {
            webhook_status zone=status html;
        }
        location /luzmo/ {
            webhook luzmo;
            webhook_secret s3cr3t;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /mock {
            if (\$arg_format = json) {
                rewrite ^ /mock.json last;
            }
            webhook_status zone=status html;
        }
        location = /mock.json {
            default_type application/json;
        }
        location /api/ {
            access_log $Root/logs/api.log api;
            default_type application/json;
            error_page 401 = \@secret;

            if (\$http_x_token != hush) {
                return 401;
            }
            if (\$request_method = DELETE) {
                return 204;
            }
            if (\$request_method = POST) {
                return 202 '{}';
            }
            return 200 '$dead';
        }
        location \@secret {
            access_log $Root/logs/api.log api;
            add_header WWW-Authenticate X-Token always;
            return 401 '{"reason":"missing_secret"}';
        }
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "taken\\n";
    }
END

    return $nginx->start;
}


# --- what is sent ---------------------------------------------------------

my $nginx = nginx('page', http => 'webhook_zone "zone=<i>hooks</i>:64k";');
my $client = NginxProcess::Client->new;
my $answer = $client->request(GET => '/status');

ok($answer->{body} eq page(),
   'the page is that of the source (or else run util/page)');
is($answer->{headers}{'content-type'}, 'text/html; charset=utf-8', 'type');
cmp_ok(length $answer->{body}, '<=', 60 * 1024, 'at most 60 KB');

sub hash {
    my $hash = sha256_base64(shift);
    $hash .= '=' while length($hash) % 4;
    return "'sha256-$hash'";
}

my ($style) = page() =~ m{<style>(.*?)</style>}s;
my ($script) = page() =~ m{<script>(.*?)</script>}s;

is($answer->{headers}{'content-security-policy'},
   "default-src 'none'; script-src " . hash($script) . '; style-src '
   . hash($style) . "; connect-src 'self'; img-src data:; base-uri 'none'; "
   . "form-action 'none'; frame-ancestors 'none'", 'the policy');
is($answer->{headers}{'referrer-policy'}, 'no-referrer', 'no referrer');
is($answer->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff');
is($answer->{headers}{'cache-control'}, 'no-store', 'not stored');

unlike(page(), qr/innerHTML|outerHTML|insertAdjacentHTML|document\.write
                  |\beval\b|new\ Function|srcdoc|javascript:/x,
       'texts are set as texts');
is(join(' ', page() =~ m{\b(?:https?:)?//[\w.-]+}g =~ /./
             ? grep { !/www\.w3\.org/ } page() =~ m{https?://[\w.-]+}g : ()),
   '', 'no other place is named');


# --- what a browser makes of it -------------------------------------------

my $page = Chromium->new("$Root/chromium");

if (!$page) {
    note 'there is no Chromium';
    $nginx->finish;
    done_testing();
    exit;
}

sub shows {
    my ($selector) = @_;
    my $quoted = JSON::PP->new->allow_nonref->encode($selector);

    return $page->eval("document.querySelector($quoted).innerText");
}

sub quiet {
    my ($name) = @_;
    is(join("\n", $page->complaints), '', "$name: nothing in the console");
}

# Without anything counted

$page->emulate;
$page->open("http://127.0.0.1:$Port/status");
ok($page->until('document.getElementById("state").innerText === "Live"'),
   'live');
ok($page->until('/^Now 0 accepted and 0 refused/.test('
                . 'document.getElementById("summary").innerText)'),
   'two looks make a rate');
is(shows('#zone'), 'status', 'the zone');
is(shows('#noreasons'), 'Nothing has been refused.', 'no reasons');
is(shows('#noevents'), 'Nothing has come yet.', 'no events');
is(shows('#nolast'), 'None.', 'no refused events');

for my $hidden (qw(queues dead dedup reasontable eventtable lasttable more)) {
    is($page->eval("document.getElementById('$hidden').hidden"), 1,
       "$hidden is hidden");
}

is($page->eval('document.querySelectorAll("#zonetable tbody i").length'), 0,
   'a name of the configuration is a text');
like(shows('#zonetable tbody'), qr{^<i>hooks</i>\s}, 'the name of a zone');
$page->screenshot("$Root/empty.png");
quiet('no data');

my %allowed = map { $_ => 1 } "http://127.0.0.1:$Port/status",
                              "http://127.0.0.1:$Port/status?format=json";

is(join(' ', grep { !$allowed{$_} && !/^data:/ } $page->requested), '',
   'nothing else is asked for');

# With a full ring, and members that want to break out

for (1 .. 300) {
    $client->request(POST => '/luzmo/data_updated',
                     $Luzmo =~ s{acme}{<img src=x onerror=alert(1)>}r,
                     @Secret);
}

$client->request(POST => '/luzmo/data_updated', $Luzmo, @Secret) for 1 .. 50;
$client->request(POST => '/luzmo/account_deleted', $Luzmo,
                 'Content-Type' => 'text/html');

ok($page->until('document.querySelectorAll("#reasontable tbody tr").length '
                . '=== 2'), 'two reasons');
is(shows('#reasontable tbody') =~ s/\s+/ /gr =~ s/ $//r,
   'invalid_field 300 missing_secret 1', 'reasons by number');
is(shows('#eventtable tbody') =~ s/\s+/ /gr =~ s/ $//r,
   'data_updated luzmo 50 300 account_deleted luzmo 0 1', 'events');
is(shows('#lastcount'), '256 of 256', 'a full ring');
is($page->eval('document.querySelectorAll("#lasttable tbody tr").length'), 20,
   'twenty of them');
like(shows('#lasttable tbody tr'),
     qr/^\d\d:\d\d:\d\d\s+luzmo\s+account_deleted\s+missing_secret\s+—\s+127\.0
        \.0\.1\s+\d+\ B$/x, 'the newest is the first');
like(shows('#tiles'), qr/50 in all/, 'accepted in all');
like(shows('#tiles'), qr/301 in all/, 'refused in all');
ok($page->until('document.querySelectorAll("#svg path").length === 4'),
   'a chart');

# Three percent of a second's work are not shown as none.
ok($page->until('/ at most [1-9]/.test('
                . 'document.getElementById("summary").innerText)'),
   'the chart in words');

$page->eval('document.getElementById("more").click()');
is($page->eval('document.querySelectorAll("#lasttable tbody tr").length'), 256,
   'all of them');

$page->eval('(f => { f.value = "MISSING_s luzmo"; '
            . 'f.dispatchEvent(new Event("input")) })'
            . '(document.getElementById("filter"))');
is(shows('#lastcount'), '1 of 256', 'a filter');
$page->eval('(f => { f.value = "nothing like it"; '
            . 'f.dispatchEvent(new Event("input")) })'
            . '(document.getElementById("filter"))');
is(shows('#nolast'), 'None is like that.', 'a filter for nothing');
$page->eval('(f => { f.value = ""; f.dispatchEvent(new Event("input")) })'
            . '(document.getElementById("filter"))');
quiet('a full ring');

# By keyboard

$page->eval('document.activeElement.blur()');

my @stops;

for (1 .. 5) {
    $page->key('Tab');
    push @stops, $page->eval('document.activeElement.id '
                             . '|| document.activeElement.className');
}

is("@stops", 'skip pause chart filter more', 'stops of the Tab key');

$page->eval('document.getElementById("chart").focus()');
$page->key('ArrowLeft');
my $told = $page->eval('document.getElementById("chart")'
                       . '.getAttribute("aria-valuetext")');
like($told, qr/^\d\d:\d\d:\d\d: \S+ accepted, \S+ refused per second$/,
     'arrow keys move in the chart');
is(shows('#tip'), $told, 'and it is shown');
$page->key('Escape');
is($page->eval('document.getElementById("tip").hidden'), 1, 'Escape ends it');

$page->eval('document.getElementById("pause").focus()');
$page->key('Enter');
is(shows('#state'), 'Paused', 'paused');
is($page->eval('document.getElementById("pause")'
               . '.getAttribute("aria-pressed")'), 'true', 'as a state');

my $asked = () = $page->requested;
sleep 2.5;
is(scalar(() = $page->requested), $asked, 'nothing is asked for then');
$page->key(' ');
ok($page->until('document.getElementById("state").innerText === "Live"'),
   'and goes on');

# For screen readers

my %named = map { $_ => 1 } qw(button textbox searchbox slider link table
                               region form);
my (@nameless, %roles);

for my $node (@{$page->call('Accessibility.getFullAXTree')->{nodes}}) {
    next if $node->{ignored};

    my $role = $node->{role}{value} // '';
    my $text = $node->{name}{value} // '';

    $roles{$role}++;
    push @nameless, $role if $named{$role} && $text !~ /\w/;
}

is("@nameless", '', 'everything has a name');
ok($roles{$_}, "there is a $_") for qw(main banner slider searchbox table
                                       status button);
is($page->eval('document.documentElement.lang'), 'en', 'a language');
is($page->eval('[...document.querySelectorAll("h1,h2,h3")]'
               . '.map(h => h.tagName).join(" ").replace(/( H2)+/, " H2")'),
   'H1 H2 H3', 'headings')
    or diag($page->eval('[...document.querySelectorAll("h1,h2,h3")]'
                        . '.map(h => h.tagName).join(" ")'));
is($page->eval('[...document.querySelectorAll("table")]'
               . '.filter(t => !t.caption).length'), 0,
   'each table has a caption');

# Light and dark: enough contrast (WCAG 2.1, 1.4.3); no scrolling sideways

my $contrast = <<'END';
(() => {
    const light = color => {
        const [r, g, b] = color.match(/\d+(\.\d+)?/g).map(Number).map(c => {
            c /= 255;
            return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const probe = document.createElement("span");
    const color = name => {
        probe.style.color = `var(${name})`;
        return light(getComputedStyle(probe).color);
    };
    document.body.append(probe);
    const least = Math.min(...["--text", "--soft", "--good", "--bad"]
        .flatMap(a => ["--page", "--card"].map(b => {
            const [x, y] = [color(a), color(b)].sort((p, q) => q - p);
            return (x + 0.05) / (y + 0.05);
        })));
    probe.remove();
    return least;
})()
END

for my $dark (0, 1) {
    my $name = $dark ? 'dark' : 'light';

    for my $width (320, 390, 768, 1280) {
        $page->emulate(dark => $dark, width => $width,
                       mobile => $width < 768);
        sleep 0.3;
        cmp_ok($page->eval('document.documentElement.scrollWidth'), '<=',
               $width, "$name: $width pixels are enough");
        $page->screenshot("$Root/$name-$width.png");
    }

    cmp_ok($page->eval($contrast), '>=', 4.5, "$name: contrast");
}

isnt($page->eval('getComputedStyle(document.body).backgroundColor'),
     'rgb(244, 246, 247)', 'dark is dark');

# Where nginx is gone for a while, and begins anew

$page->emulate;
quiet('all of that');
ok($nginx->stop, 'nginx ends');
ok($page->until('/^No answer since/.test('
                . 'document.getElementById("state").innerText)'),
   'which is told');
$nginx->start;
ok($page->until('document.getElementById("state").innerText === "Live"'),
   'live again');
ok($page->until('/^0 in all/m.test('
                . 'document.getElementById("tiles").innerText)'),
   'counters that begin anew');
unlike(shows('#summary'), qr/-\d|NaN|Infinity/, 'are no negative rates');


# --- queues, and dead letters ---------------------------------------------

# Strings that want to break out, wherever there is one.

my $json = JSON::PP->new->canonical;
my @bounds = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30);
my $times = {buckets => [(map { [$_, 50] } @bounds), [undef, 100]],
             count => 100, sum => 12};
my $judge = {buckets => [[1e-6, 3], [undef, 4]], count => 4, sum => 1e-5};

NginxProcess::write_file("$Root/mock.json", $json->utf8->encode({
    time => 1795000000, since => 1795000000, nginx => $Hostile,
    zone => $Hostile, api => '/api',
    providers => [{provider => $Hostile, judge_seconds => $judge,
                   challenges => 1234,
                   events => [{event => $Hostile, accepted => 1,
                               refused => {$Hostile => 2}}]}],
    zones => [{zone => $Hostile,
               total => {creates => 1, deletes => 2, triggers => 3},
               now => {registrations => 4, store_used_bytes => undef,
                       store_limit_bytes => 5}}],
    queues => [{queue => $Queue,
                total => {queued => 9, delivered => 1234567, retried => 3,
                          dead => 2},
                now => {waiting => 5, dead => 2,
                        bytes => 4096, max_bytes => 1073741824,
                        oldest_seconds => 7300,
                        destinations_healthy => 3, destinations_failing => 2},
                delivery_seconds => $times},
               {queue => 'quiet',
                total => {queued => 0, delivered => 0, retried => 0,
                          dead => 0},
                now => {waiting => undef, dead => undef,
                        bytes => undef, max_bytes => undef,
                        oldest_seconds => undef,
                        destinations_healthy => undef,
                        destinations_failing => undef},
                delivery_seconds => {buckets => [(map { [$_, 0] } @bounds),
                                                 [undef, 0]],
                                     count => 0, sum => 0}}],
    dedup => [{zone => $Hostile, total => {duplicates => 7, forgotten => 8},
               now => {keys => 9}}],
    memory => [{zone => $Hostile, bytes => 1048576, used_bytes => 1048576}],
    refused => [{time => 1795000000, provider => $Hostile, event => $Hostile,
                 reason => $Hostile, field => $Hostile, client => $Hostile,
                 bytes => 1}],
}));

$page->open("http://127.0.0.1:$Port/mock");
ok($page->until('document.getElementById("state").innerText === "Live"'),
   'hostile: live');

my $safe = sub {
    my ($name) = @_;

    is($page->eval('document.querySelectorAll("img, main b, main script, '
                   . 'main iframe").length'), 0, "$name: no elements");
    is($page->eval('document.scripts.length'), 1, "$name: one script");
};

$safe->('hostile');
is(shows('#zone'), $Hostile, 'hostile: the zone');

for my $table (qw(reasontable eventtable lasttable zonetable memorytable
                  deduptable))
{
    ok(index(shows("#$table tbody"), $Hostile) >= 0, "hostile: $table");
}

is(shows('#queuetable tbody') =~ s/\s+/ /gr =~ s/ $//r,
   "$Queue 5 2 h 2 of 5 4.0 KB of 1.0 GB 1,234,567 3 2 ≤ 1 ms "
   . 'quiet — — — — 0 0 0 —', 'queues');
like(shows('#tiles'), qr/Queued events\s+5\s+the oldest for 2 h/,
     'what waits');
like(shows('#tiles'), qr/Challenges answered\s+1,234/, 'challenges');
like(shows('#tiles'), qr/Judging time, p99\s+> 1 µs/,
     'of a time no more than its bounds is said');
quiet('hostile');

# The API wants a secret.

$page->eval('document.querySelector("#deadlists summary").focus()');
$page->key('Enter');
ok($page->until('!document.getElementById("secret").hidden'),
   'a secret is asked for');
like(shows('#deadlists'), qr/The API needs a secret\./, 'and why');
is(join("\n", grep { !/status of 401/ } $page->complaints), '',
   'nothing in the console but the 401');

$page->eval('document.getElementById("secretvalue").focus()');
$page->call('Input.insertText', text => 'hush');
$page->key('Enter');
ok($page->until('document.querySelectorAll("#deadlists tbody tr").length '
                . '=== 2'), 'dead events');
is($page->eval('document.getElementById("secret").hidden'), 1,
   'the secret is no longer asked for');
is($page->eval('document.getElementById("secretvalue").value'), '',
   'and is not shown');
unlike($page->eval('document.documentElement.outerHTML.replace('
                   . '/<script>[^]*/, "")'), qr/hush/, 'nowhere');
is($page->eval('localStorage.length + sessionStorage.length'), 0,
   'or kept');

my $rows = shows('#deadlists tbody');

like($rows, qr/^webhook_test\ 0b1c2d3e-0000-4000-8000-000000000001\s.*\s8\s+gone\ \(410\)
               \s+Replay\s*Delete/x, 'a dead event');
ok(index($rows, $Hostile) >= 0, 'a hostile one');
$safe->('dead');
$page->screenshot("$Root/dead.png");

# Replay, delete, replay all

my $log = sub { NginxProcess::read_file("$Root/logs/api.log") };
my $id = '0b1c2d3e-0000-4000-8000-000000000001';
my $route = "/api/queues/$Encoded/dead";
my $button = sub { "document.querySelector('button[aria-label^=\"$_[0]\"]')" };

$page->eval($button->('Replay 0b1c') . '.focus()');
$page->key('Enter');
ok($page->until('/will be delivered again/.test('
                . 'document.getElementById("said").innerText)'), 'replayed');
is(shows('#said'), "$id will be delivered again.", 'which is said');
ok(wait_until(sub { index($log->(), qq(POST $route/$id/replay "hush"\n)) >= 0 }),
   'replay: the request') or diag($log->());

$page->eval($button->('Delete 0b1c') . '.click()');
ok($page->eval($button->('Really delete 0b1c') . '.innerText === "Really?"'),
   'delete asks once more');
unlike($log->(), qr/DELETE/, 'before it does');
$page->eval($button->('Really delete 0b1c') . '.click()');
ok($page->until('/is deleted/.test('
                . 'document.getElementById("said").innerText)'), 'deleted');
like($log->(), qr{^DELETE \Q$route/$id\E "hush"$}m, 'delete: the request');

$page->eval('[...document.querySelectorAll("#deadlists button")]'
            . '.find(b => b.innerText === "Replay all").click()');
ok($page->until('/Replaying all/.test('
                . 'document.getElementById("said").innerText)'), 'all');
like($log->(), qr{^POST \Q$route/replay\E "hush"$}m, 'all: the request');
like($log->(), qr{^GET \Q$route?limit=50\E "-"$}m, 'a list without a secret');

is(join("\n", grep { !/status of 401/ } $page->complaints), '',
   'dead: nothing in the console');

# A page that is open goes on asking.
$page->open('about:blank');
$nginx->finish;


# --- the module's own queue and API ---------------------------------------

$nginx = NginxProcess->new(name => 'queue');
my $to = NginxProcess::port(2);

# The application is well once there is a file.
unlink "$Root/well";

$nginx->configure(http => <<END);
    webhook_status_zone zone=status:128k;
    webhook_queue_path $Root/queue.db queue=out;

    server {
        listen 127.0.0.1:$Port;

        location = /status {
            webhook_status zone=status html api=/queues/api;
        }
        location /queues/api {
            webhook_api;
            webhook_secret hush;
        }
        location = /munity {
            webhook munity;
            webhook_secret s3cr3t;
            webhook_queue out;
        }
        location \@deliver {
            webhook_deliver out;
            webhook_retry 10ms;
            proxy_pass http://127.0.0.1:$to;
        }
    }

    server {
        listen 127.0.0.1:$to;

        location / {
            if (-f $Root/well) {
                return 200;
            }
            return 410;
        }
    }
END

$nginx->expect(qr/webhook queue "out": event \S+ is dead after attempt/);
$nginx->start;
$client->close;

for (1 .. 3) {
    $client->request(POST => '/munity', '{"workspace_id":"w",'
                     . '"customer_id":null,"event":"webhook_test",'
                     . '"state":null,"payload":{"test":true}}', @Secret);
}

$page->open("http://127.0.0.1:$Port/status");
ok($page->until('document.querySelector("#deadlists summary").innerText '
                . '=== "out · 3 dead"'), 'three are dead');

$page->eval('document.querySelector("#deadlists summary").click()');
ok($page->until('!document.getElementById("secret").hidden'),
   'the API asks for its secret');
$page->eval('document.getElementById("secretvalue").value = "hush"; '
            . 'document.getElementById("secret").requestSubmit()');
ok($page->until('document.querySelectorAll("#deadlists tbody tr").length '
                . '=== 3'), 'and lists them');
like(shows('#deadlists tbody tr'),
     qr/^webhook_test [0-9a-f-]{36}\s.*\s1\s+gone \(410\)\s+Replay/,
     'with event and error');
$page->screenshot("$Root/queue.png");

NginxProcess::write_file("$Root/well", '');
$page->eval('document.querySelector("#deadlists tbody button").click()');
ok($page->until('document.querySelectorAll("#deadlists tbody tr").length '
                . '=== 2'), 'one is replayed');
ok($page->until('/^out\\s+0\\s/.test(document.querySelector("#queuetable '
                . 'tbody").innerText) && document.querySelector("#deadlists '
                . 'summary").innerText === "out · 2 dead"'), 'and delivered');

$page->eval('(b => { b.click(); b.click() })('
            . 'document.querySelector("button[aria-label^=Delete]"))');
ok($page->until('document.querySelectorAll("#deadlists tbody tr").length '
                . '=== 1'), 'one is deleted');

$page->eval('[...document.querySelectorAll("#deadlists button")]'
            . '.find(b => b.innerText === "Replay all").click()');
ok($page->until('document.querySelector("#deadlists .none")?.innerText '
                . '=== "None is dead."'), 'and the last one replayed');
is(join("\n", grep { !/status of 401/ } $page->complaints), '',
   'queue: nothing in the console');

$nginx->finish;
$page->end;

done_testing();
