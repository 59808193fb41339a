use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use StatusTest;
use Test::More;

use Destination ();

# A system of the configuration beside the compiled ones: what the status
# counts, over reloads as well, what a queue keeps, and what is a duplicate.

my $Root = $NginxProcess::Root;
my $Upstream = NginxProcess::port(2);


# --- the status -------------------------------------------------------------

# "own" with these lines, in a location of its own
sub with_own {
    my (@lines) = @_;
    my $lines = join '', map { "$_;\n" } @lines;

    return (http => "webhook_system own {\n$lines}\n", server => <<END);
        location /own {
            webhook own;
            proxy_pass http://127.0.0.1:$Upstream;
        }
END
}

sub own {
    my ($event, $body) = @_;
    return post('/own', $body // '{}', @Secret,
                defined $event ? ('X-Event' => $event) : ());
}

{
    my $nginx = nginx('counted', zone => 'zone=status:128k refused=8',
                      with_own('event $http_x_event',
                               'events "Push \"Hook\"" tag a\\\\b',
                               "field ref r\xc3\xa9f.\"x\""));

    is(own('tag'), 200, 'a known event');
    is(own('tag'), 200, 'and again');
    is(own('Push "Hook"'), 200, 'one with quotes in its name');
    is(own('a\b'), 200, 'one with a backslash');
    is(own('pull'), 400, 'an unknown event');
    is(own(undef), 400, 'no event');
    is(post('/own', '{}', @Json, 'X-Event' => 'tag'), 401, 'no secret');
    is(own('tag', '{'), 400, 'no JSON');
    is(own('tag', "{\"r\xc3\xa9f\":{\"x\":1,\"x\":2}}"), 400, 'a duplicate');
    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');

    counted_is(<<'END', 'they are counted by their names, others together');
luzmo data_updated accepted 1
own - missing_secret 1
own - unknown_event 2
own Push "Hook" accepted 1
own a\b accepted 1
own tag accepted 2
own - invalid_json 1
own tag duplicate_field 1
END

    my @refused = map { [@$_{qw(provider event reason field)}] }
                  @{status()->{refused}};
    is_deeply(\@refused,
              [['own', 'tag', 'duplicate_field', "r\x{e9}f.\"x\""],
               ['own', undef, 'invalid_json', undef],
               ['own', undef, 'missing_secret', undef],
               ['own', undef, 'unknown_event', undef],
               ['own', undef, 'unknown_event', undef]],
              'the refused ones');

    my $metrics = get('/status/prometheus')->{body};

    for ('accepted_total{provider="own",event="tag"} 2',
         'accepted_total{provider="own",event="Push \"Hook\""} 1',
         'accepted_total{provider="own",event="a\\\\b"} 1',
         'accepted_total{provider="own",event=""} 0',
         'refused_total{provider="own",event="",reason="unknown_event"} 2',
         'judge_seconds_count{provider="own"} 9',
         'accepted_total{provider="luzmo",event="data_updated"} 1')
    {
        like($metrics, qr/^nginx_webhook_\Q$_\E$/m, "metrics: $_");
    }

    promtool($metrics, 'names of the configuration');

    # a reload with other events and another system before it
    my %with = with_own('event $http_x_event', 'events tag new',
                        'unknown pass');

    config($nginx, zone => 'zone=status:128k refused=8', %with,
           http => "webhook_system other {\n}\n$with{http}",
           server => "$with{server} location /other { webhook other;
                      proxy_pass http://127.0.0.1:$Upstream; }");
    reload($nginx, 'a reload');

    is(own('new'), 200, 'a new event');
    is(own('tag'), 200, 'one that stays');
    is(own('pull'), 200, 'one that is not known passes');
    is(post('/other', '{}', @Secret), 200, 'another system');
    is(post('/other', '[', @Secret), 400, 'which refuses one');

    counted_is(<<'END', 'what stays is counted on');
luzmo data_updated accepted 1
other - accepted 1
other - invalid_json 1
own - accepted 1
own - missing_secret 1
own - unknown_event 2
own - invalid_json 1
own new accepted 1
own tag accepted 3
own tag duplicate_field 1
END

    @refused = map { [@$_{qw(provider event)}] } @{status()->{refused}};
    is_deeply(\@refused,
              [['other', undef], ['own', 'tag'], ['own', undef],
               ['own', undef], ['own', undef], ['own', undef]],
              'the refused ones keep their names');

    # without them
    config($nginx, zone => 'zone=status:128k refused=8');
    reload($nginx, 'a reload without the systems');

    counted_is('luzmo data_updated accepted 1', 'they are not shown');
    is(status()->{refused}[0]{provider}, 'other',
       'but in the list of what was refused');

    config($nginx, zone => 'zone=status:128k refused=8',
           with_own('event $http_x_event', 'events "Push \"Hook\""'));
    reload($nginx, 'a reload with them');

    like(counted(), qr/^own Push "Hook" accepted 1$/m, 'nothing is forgotten');

    $nginx->finish;
}


# --- a queue, and duplicates ------------------------------------------------

{
    my $to = Destination->new(port => NginxProcess::port(1))->start;
    my $port = NginxProcess::port(0);
    my $there = NginxProcess::port(1);
    my $nginx = NginxProcess->new(name => 'queued');

    $nginx->configure(http => <<END);
    webhook_queue_path $Root/queue.system queue=q;
    webhook_dedup_zone zone=seen:32k;

    webhook_system shop {
        event  type;
        id     id;
        tenant account.id;
        field  amount lines[0].amount;
    }

    server {
        listen 127.0.0.1:$port;
        webhook_secret hush;

        location = /shop {
            webhook shop;
            webhook_dedup \$webhook_tenant:\$webhook_id zone=seen;
            webhook_queue q;
        }

        location \@deliver {
            webhook_deliver q;
            proxy_set_header X-Show "\$webhook_provider|\$webhook_event|\$webhook_id|\$webhook_tenant|\$webhook_field_amount";
            proxy_pass http://127.0.0.1:$there;
        }
    }
END

    $nginx->start;

    my $client = NginxProcess::Client->new;
    my $event = sub {
        my ($id, $tenant, $amount) = @_;
        my $answer = $client->request(POST => '/shop',
            qq({"lines":[{"amount":$amount},{"amount":1}],"id":"$id",)
            . qq("type":"order.paid","account":{"id":"$tenant"}}),
            'Content-Type' => 'application/json', 'X-Secret' => 'hush');
        return $answer->{status};
    };

    is($event->('e1', 'a', '12.50'), 202, 'an event is taken');
    is($event->('e1', 'a', '12.50'), 202, 'its duplicate is dropped');
    is($event->('e1', 'b', '"x"'), 202, 'the same id of another tenant');

    my @seen = $to->wait_for(2);

    is_deeply([sort map { $_->{headers}{'x-show'} } @seen],
              ['shop|order.paid|e1|a|12.50', 'shop|order.paid|e1|b|x'],
              'the variables are those of the event');
    is((sort map { $_->{body} } @seen)[0] =~ /^\{"lines":\[\{"amount":/ ? 1 : 0,
       1, 'and its body is as it was sent');

    $to->stop;
    $nginx->finish;
}


# --- a status zone that has no room for the events --------------------------
{
    my $nginx = NginxProcess->new(name => 'small');

    config($nginx, zone => 'zone=status:32k',
           with_own('event uri', 'events ' . join ' ', 1 .. 200));

    my ($status, $output) = $nginx->run('-t');

    isnt($status, 0, 'a zone that is too small');
    like($output, qr/\[emerg\] .*webhook status zone "status" is too small/,
         'nginx says so');

    # the names of events that no location uses take nothing
    config($nginx, zone => 'zone=status:32k', http => <<END);
        webhook_system unused { event uri; events @{[1 .. 200]}; }
END

    ($status, $output) = $nginx->run('-t');
    is($status, 0, 'a system that is not used takes no memory');
}


done_testing();
