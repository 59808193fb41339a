use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Answers qw(lenra);
use Registrations;
use StateTest;
use Test::More;

# How large a webhook of Lenra's may be, and a page of a list of them.

my $Root = $NginxProcess::Root;
my $TooLarge = lenra(413, 'The webhook is too large.', 'too_large');

# Props of so many bytes of JSON
sub props { return '{"k":"' . 'v' x ($_[0] - 8) . '"}' }

sub page {
    my $after = shift;
    my $answer = client()->request(GET => '/app/webhooks?limit=1000'
                                          . ($after ? "&after=$after" : ''),
                                   undef, @Token);
    return ($answer, $answer->{body} =~ /\{"uuid":"([^"]+)"/g);
}

my $nginx = nginx('sizes', zone => '16m', workers => 1);

# "a", which create() sends as JSON, has 3 bytes.
my $answer = create(client(), 'a', props(64 * 1024 - 3));
is($answer->{status}, 200, 'a webhook of 64k');
my @uuids = uuid($answer);

$answer = create(client(), 'a', props(64 * 1024 - 2));
is($answer->{status}, 413, 'one byte more');
is($answer->{body}, $TooLarge, 'is too large');

$answer = create(client(), 'a' x (64 * 1024));
is($answer->{status}, 413, 'the action counts as well');
is($answer->{body}, $TooLarge, 'and is too large');

push @uuids, uuid(create(client(), 'a', props(60_000))) for 1 .. 39;

my (@listed, @sizes);

while (1) {
    my ($list, @page) = page($listed[-1]);

    is($list->{status}, 200, 'a page');
    last if !@page;
    push @listed, @page;
    push @sizes, length $list->{body};
}

is_deeply(\@listed, \@uuids, 'the pages have all, each once');
is(scalar @sizes, 3, "in as many pages as it takes: @sizes");
cmp_ok($_, '<', 1024 * 1024 + 65 * 1024, 'none has much more than 1 MB')
    for @sizes;

$nginx->stop;
config($nginx, state => "$Root/sizes", zone => '16m', workers => 1,
       record => '1k');
$nginx->start;

is(create(client(), 'a', props(1022))->{body}, $TooLarge, 'a smaller limit');
is(create(client(), 'a', props(1021))->{status}, 200, 'which is kept to');

$answer = get(client(), $uuids[0]);
is($answer->{status}, 200, 'what was created before is read');
is(length($answer->{body} =~ /"props":(\{.*?\})/ ? $1 : ''), 64 * 1024 - 3,
   'as a whole');
is(answered(trigger(client(), $uuids[0])), '200 a', 'and triggered');

# One that is more than a page has it for itself.
$nginx->stop;
config($nginx, state => "$Root/sizes", zone => '16m', workers => 1,
       record => '2m', more => 'client_max_body_size 4m;');
$nginx->start;

is(create(client(), 'a', props(1_500_000))->{status}, 200, 'a large webhook')
    for 1 .. 2;
my ($last) = (page((page($listed[-1]))[-1]))[-1];
my ($list, @page) = page($last);
is($list->{body}, "[]\n", 'the last page is empty');

($list, @page) = page($uuids[-1]);
is(scalar @page, 2, 'a page goes beyond 1 MB by one webhook at most');

for my $size ('0', 'x', '') {
    config($nginx, state => "$Root/sizes", zone => "16m record_size=$size");
    my ($status, $output) = $nginx->run('-t');
    isnt($status, 0, "record_size=$size: refused");
    like($output, qr/\[emerg\] .*invalid parameter "record_size=$size"/,
         'and told');
}

$nginx->expect(qr/\[emerg\].*invalid parameter "record_size=/);
$nginx->finish;

done_testing();
